/* Save images as entry points see them: read, checked, with their definitions. */
#pragma once

#include "driver.h"
#include "domain_driver.h"
#include "virqbjsaveimage.h"

/* An image that was opened, and its definition. */
typedef struct _qbjApiImage qbjApiImage;
struct _qbjApiImage {
    virQbjSaveImage *image;
    virDomainDef *def;
    int fd;                     /* at the stream, or -1 */
};
#define QBJ_API_IMAGE_INIT { NULL, NULL, -1 }
void qbjApiImageClear(qbjApiImage *image);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(qbjApiImage, qbjApiImageClear);

/* Opens the one at @path. No lock is held. Returns 0, -1 with an error reported; 1 when it is not complete
 * and @partial says that this is no error: then @image is empty. */
int qbjApiImageOpen(qbjDriver *driver, const char *path, bool partial, qbjApiImage *image);

/* Puts the definition @xml in the place of its own, if it is one of the same machine. */
int qbjApiImageReplace(qbjDriver *driver, qbjApiImage *image, const char *xml);

/* The rest of virDomainSaveImageGetXMLDesc() and ...DefineXML(). @may: NULL: the caller has asked. */
char *qbjApiImageXml(qbjDriver *driver, const char *path, unsigned int flags);
int qbjApiImageDefine(virConnectPtr conn, const char *path, const char *xml, unsigned int flags,
                      int (*may)(virConnectPtr conn, virDomainDef *def));
