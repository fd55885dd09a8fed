#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "host_note.h"
#include "host_within.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virqbjfault.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qemu_blockjob.host_note");

typedef struct _qbjHostNote qbjHostNote;
struct _qbjHostNote {
    char *path;
    char *text;                 /* NULL: it is removed */
    bool durable;
};

static qbjHostNote *
qbjHostNoteNew(const char *path, const char *text, bool durable)
{
    qbjHostNote *note = g_new0(qbjHostNote, 1);

    note->path = g_strdup(path);
    note->text = g_strdup(text);
    note->durable = durable;
    return note;
}

static void
qbjHostNoteFree(void *opaque)
{
    qbjHostNote *note = opaque;

    if (!note)
        return;
    g_free(note->path);
    g_free(note->text);
    g_free(note);
}

/* Nobody waits any more for what the thread has done by now: its job may have ended. */
static void
qbjHostNoteLate(void *opaque)
{
    qbjHostNote *note = opaque;

    if (note->text && unlink(note->path) < 0)
        VIR_WARN("cannot remove '%s': %s", note->path, g_strerror(errno));
    qbjHostNoteFree(note);
}

static int
qbjHostNoteWriteWork(void *opaque)
{
    const qbjHostNote *note = opaque;
    size_t length = strlen(note->text);
    VIR_AUTOCLOSE fd = open(note->path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (!virQbjFaultHit("note") && fd >= 0 && safewrite(fd, note->text, length) == (ssize_t) length &&
        VIR_CLOSE(fd) == 0)
        return 0;
    virReportSystemError(errno, _("cannot write '%s'"), note->path);
    ignore_value(unlink(note->path));
    return -1;
}

static int
qbjHostNoteRemoveWork(void *opaque)
{
    const qbjHostNote *note = opaque;
    g_autofree char *folder = g_path_get_dirname(note->path);
    VIR_AUTOCLOSE fd = -1;

    if (unlink(note->path) < 0) {
        if (errno == ENOENT)
            return 0;
        virReportSystemError(errno, _("cannot remove '%s'"), note->path);
        return -1;
    }
    if (!note->durable)
        return 0;
    if ((fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 || fsync(fd) < 0) {
        virReportSystemError(errno, _("cannot sync '%s'"), folder);
        return -1;
    }
    return 0;
}

static int
qbjHostNoteWithin(const char *path, const char *text, bool durable, unsigned int limitMs)
{
    void *note = qbjHostNoteNew(path, text, durable);
    int rc = qbjHostWithin(path, text ? qbjHostNoteWriteWork : qbjHostNoteRemoveWork, &note, qbjHostNoteLate, limitMs);

    qbjHostNoteFree(note);      /* NULL when it is the thread's */
    return rc;
}

int
qbjHostNoteWrite(const char *path, const char *text, unsigned int limitMs)
{
    return qbjHostNoteWithin(path, text, false, limitMs);
}

int
qbjHostNoteRemove(const char *path, bool durable, unsigned int limitMs)
{
    return qbjHostNoteWithin(path, NULL, durable, limitMs);
}

char *
qbjHostNoteRead(const char *path, size_t max)
{
    VIR_AUTOCLOSE fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    g_autofree char *text = NULL;
    struct stat st;
    int length;

    if (fd < 0) {
        if (errno != ENOENT)
            VIR_WARN("'%s' is left alone: %s", path, g_strerror(errno));
        return NULL;
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
        (st.st_mode & (S_IWGRP | S_IWOTH)) || st.st_nlink != 1 || st.st_size > (off_t) max) {
        VIR_WARN("'%s' is left alone: it is not as this driver writes it", path);
        return NULL;
    }
    if ((length = virFileReadLimFD(fd, max, &text)) < 0 || strlen(text) != (size_t) length) {
        VIR_WARN("'%s' is left alone: it cannot be read", path);
        return NULL;
    }
    return g_steal_pointer(&text);
}
