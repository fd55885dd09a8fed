/* The parts of the support check. Only vm_support*.c and its test include this.
 *
 * An XML document is a tree of elements; a *row* of the table says that the driver acts on one element, one
 * attribute or the text of one element. Rows are found by path, relative to <domain>:
 *   devices/disk              the element
 *   devices/disk/@type        its attribute
 *   devices/graphics:vnc      the element, when its attribute named by the family table (here: type) says so
 * A row with @base takes over the rows of a group ("%pci/address") as if they stood below itself; a group can
 * have a base too. */
#pragma once

#include "internal.h"
#include "virxml.h"

typedef enum {
    QBJ_VM_SUPPORT_TEXT = 1 << 0,       /* has text of its own */
    QBJ_VM_SUPPORT_ONCE = 1 << 1,       /* at most one below one parent */
    QBJ_VM_SUPPORT_OPAQUE = 1 << 2,     /* what is inside is kept for the user and has no meaning for us */
    QBJ_VM_SUPPORT_VANISH = 1 << 3,     /* an empty one says nothing and need not come out again */
    QBJ_VM_SUPPORT_FILLED = 1 << 4,     /* has a default for its text */
} qbjVmSupportFlags;

/* Whether @in, as written in the input, means the same as @out in the result. @outer: the element (of the
 * text, or with the attribute) in the input and in the result. */
typedef bool (*qbjVmSupportSame)(const xmlNode *outerIn, const xmlNode *outerOut, const char *in, const char *out);

/* Whether the element or attribute has no meaning on input: clients hand back what a dump of a running VM
 * showed them.
 * @node: the element, or the one with the attribute; @value: of the attribute. */
typedef bool (*qbjVmSupportIgnore)(const xmlNode *node, const char *value);

typedef struct _qbjVmSupportRow qbjVmSupportRow;
struct _qbjVmSupportRow {
    const char *path;
    const char *values;         /* of the attribute or text: all that we act on, separated by spaces; NULL:
                                 * any */
    unsigned int flags;
    const char *base;           /* group */
    qbjVmSupportSame same;      /* NULL: equal but for white space at the ends */
    qbjVmSupportIgnore ignore;  /* NULL: never */
};

/* Elements that occur several times or in several kinds. Attributes are separated by spaces. */
typedef struct _qbjVmSupportFamily qbjVmSupportFamily;
struct _qbjVmSupportFamily {
    const char *path;
    const char *kinds;          /* attributes that choose the row; NULL: one row for all */
    const char *keys;           /* attributes, or child/@attribute, that tell one from the others; NULL:
                                 * the order does */
};

/* One class of devices. */
typedef struct _qbjVmSupportTable qbjVmSupportTable;
struct _qbjVmSupportTable {
    const qbjVmSupportRow *rows;            /* ends with a row without path */
    const qbjVmSupportFamily *families;     /* ends with one without path */
};

/* vm_support_table.c: all of them; ends with one without rows. The first row of all is that of <domain>. */
extern const qbjVmSupportTable qbjVmSupportTables[];

/* vm_support_table_*.c */
extern const qbjVmSupportRow qbjVmSupportBaseRows[];
extern const qbjVmSupportFamily qbjVmSupportBaseFamilies[];
extern const qbjVmSupportRow qbjVmSupportCpuRows[];
extern const qbjVmSupportFamily qbjVmSupportCpuFamilies[];
extern const qbjVmSupportRow qbjVmSupportMemoryRows[];
extern const qbjVmSupportFamily qbjVmSupportMemoryFamilies[];
extern const qbjVmSupportRow qbjVmSupportDiskRows[];
extern const qbjVmSupportFamily qbjVmSupportDiskFamilies[];
extern const qbjVmSupportRow qbjVmSupportControllerRows[];
extern const qbjVmSupportFamily qbjVmSupportControllerFamilies[];
extern const qbjVmSupportRow qbjVmSupportChrRows[];
extern const qbjVmSupportFamily qbjVmSupportChrFamilies[];
extern const qbjVmSupportRow qbjVmSupportDisplayRows[];
extern const qbjVmSupportFamily qbjVmSupportDisplayFamilies[];
extern const qbjVmSupportRow qbjVmSupportFeatureRows[];
extern const qbjVmSupportFamily qbjVmSupportFeatureFamilies[];
extern const qbjVmSupportRow qbjVmSupportNetRows[];
extern const qbjVmSupportFamily qbjVmSupportNetFamilies[];
extern const qbjVmSupportRow qbjVmSupportSmallRows[];
extern const qbjVmSupportFamily qbjVmSupportSmallFamilies[];

/* vm_support_lookup.c. @parent: row of the element above, NULL above <domain>'s children. NULL: there is
 * no such row. */
const qbjVmSupportRow *qbjVmSupportFind(const qbjVmSupportRow *parent, const xmlNode *node);
const qbjVmSupportRow *qbjVmSupportFindAttribute(const qbjVmSupportRow *parent, const char *name);
const qbjVmSupportFamily *qbjVmSupportFindFamily(const qbjVmSupportRow *parent, const xmlNode *node);

/* vm_support_node.c: reading a tree. All of them look at elements without white space and comments only. */
const xmlNode *qbjVmSupportFirst(const xmlNode *parent);
const xmlNode *qbjVmSupportNext(const xmlNode *node);
/* Text of the element itself, without that of its children, trimmed. The caller frees. */
char *qbjVmSupportText(const xmlNode *node);
/* Value of an attribute of @node; NULL when it has none. The caller frees. */
char *qbjVmSupportAttribute(const xmlNode *node, const char *name);
/* "devices/disk/driver", for an error message. The caller frees. */
char *qbjVmSupportPath(const xmlNode *node);
bool qbjVmSupportSameName(const xmlNode *a, const xmlNode *b);

/* vm_support_match.c: which child of the result each child of the input has become. */
typedef struct _qbjVmSupportMatch qbjVmSupportMatch;
/* @row: of @in and @out themselves. Borrows both trees. */
qbjVmSupportMatch *qbjVmSupportMatchNew(const qbjVmSupportRow *row, const xmlNode *in, const xmlNode *out);
void qbjVmSupportMatchFree(qbjVmSupportMatch *match);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjVmSupportMatch, qbjVmSupportMatchFree);
/* The partner of a child of the input, or NULL; @others: whether the result has children of that name at
 * all. */
const xmlNode *qbjVmSupportMatchGet(qbjVmSupportMatch *match, const xmlNode *child, bool *others);

/* vm_support_known.c: everything in the result is in the table; vm_support_compare.c: everything in the input
 * is in the result. -1 with VIR_ERR_CONFIG_UNSUPPORTED reported. */
int qbjVmSupportCheckKnown(const qbjVmSupportRow *row, const xmlNode *out);
int qbjVmSupportCompare(const qbjVmSupportRow *row, const xmlNode *in, const xmlNode *out);

/* vm_support_same.c */
bool qbjVmSupportSameNumber(const xmlNode *outerIn, const xmlNode *outerOut, const char *in, const char *out);
bool qbjVmSupportSameSize(const xmlNode *outerIn, const xmlNode *outerOut, const char *in, const char *out);
bool qbjVmSupportSameBytes(const xmlNode *outerIn, const xmlNode *outerOut, const char *in, const char *out);
bool qbjVmSupportSameUuid(const xmlNode *outerIn, const xmlNode *outerOut, const char *in, const char *out);
bool qbjVmSupportSameClock(const xmlNode *outerIn, const xmlNode *outerOut, const char *in, const char *out);
bool qbjVmSupportSameMachine(const xmlNode *outerIn, const xmlNode *outerOut, const char *in, const char *out);
bool qbjVmSupportSameUnit(const xmlNode *outerIn, const xmlNode *outerOut, const char *in, const char *out);
bool qbjVmSupportSameAuto(const xmlNode *outerIn, const xmlNode *outerOut, const char *in, const char *out);
bool qbjVmSupportSameDiskType(const xmlNode *outerIn, const xmlNode *outerOut, const char *in, const char *out);
bool qbjVmSupportSameSourceName(const xmlNode *outerIn, const xmlNode *outerOut, const char *in, const char *out);
bool qbjVmSupportSameCpuset(const xmlNode *outerIn, const xmlNode *outerOut, const char *in, const char *out);
bool qbjVmSupportSameCellCpus(const xmlNode *outerIn, const xmlNode *outerOut, const char *in, const char *out);
bool qbjVmSupportIgnoreZero(const xmlNode *node, const char *value);
bool qbjVmSupportIgnoreAlways(const xmlNode *node, const char *value);
bool qbjVmSupportIgnoreAlias(const xmlNode *node, const char *value);
bool qbjVmSupportIgnoreDefault(const xmlNode *node, const char *value);
bool qbjVmSupportIgnoreStatic(const xmlNode *node, const char *value);
bool qbjVmSupportSameMac(const xmlNode *outerIn, const xmlNode *outerOut, const char *in, const char *out);
bool qbjVmSupportIgnoreTap(const xmlNode *node, const char *value);
bool qbjVmSupportIgnoreWithoutPassword(const xmlNode *node, const char *value);
bool qbjVmSupportIgnoreTcp(const xmlNode *node, const char *value);
bool qbjVmSupportIgnoreChannelSource(const xmlNode *node, const char *value);
bool qbjVmSupportIgnoreAutoPort(const xmlNode *node, const char *value);
