/* virqbjnote.h, host_note.h: only what we have written ourselves is read back, all of it or nothing. */
#include <config.h>

#include "internal.h"
#include "savefixture.h"
#include "virerror.h"
#include "virfile.h"
#include "virqbjfault.h"
#include "virqbjnote.h"
#include "host_note.h"
#include "host_target.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIMIT_MS 30000
#define NOTE_MAX 1000

static char *
noteText(void)
{
    g_autoptr(virQbjNote) note = virQbjNoteNew("/images/old \"1\"");

    virQbjNoteAdd(note, "/images/copy", "1:2:3.000000004");
    virQbjNoteAdd(note, "/images/other", "1:3:3.000000005");
    return virQbjNoteFormat(note);
}

static void
testText(void)
{
    g_autofree char *text = noteText();
    g_autoptr(virQbjNote) note = virQbjNoteParse(text);
    size_t length = strlen(text);
    const virQbjNoteFile *file;

    g_assert_nonnull(note);
    g_assert_cmpstr(note->source, ==, "/images/old \"1\"");
    g_assert_cmpuint(note->files->len, ==, 2);
    file = g_ptr_array_index(note->files, 1);
    g_assert_cmpstr(file->path, ==, "/images/other");
    g_assert_cmpstr(file->identity, ==, "1:3:3.000000005");

    /* what the disk has of a text that was not written to its end */
    while (length-- > 0) {
        g_autofree char *part = g_strndup(text, length);

        g_assert_null(virQbjNoteParse(part));
        virResetLastError();
    }
}

static void
testTextRefused(void)
{
    static const char *const bad[] = {
        "[]", "{}", "null", "\"\"",
        "{\"version\":2,\"source\":\"/a\",\"files\":[]}",
        "{\"version\":1,\"source\":\"a\",\"files\":[]}",
        "{\"version\":1,\"source\":\"/a\",\"files\":{}}",
        "{\"version\":1,\"source\":\"/a\",\"files\":[],\"more\":1}",
        "{\"version\":1,\"source\":\"/a\",\"files\":[1]}",
        "{\"version\":1,\"source\":\"/a\",\"files\":[{\"path\":\"/b\"}]}",
        "{\"version\":1,\"source\":\"/a\",\"files\":[{\"path\":\"b\",\"identity\":\"1\"}]}",
        "{\"version\":1,\"source\":\"/a\",\"files\":[{\"path\":\"/b\",\"identity\":\"\"}]}",
        "{\"version\":1,\"source\":\"/a\",\"files\":[{\"path\":\"/b\",\"identity\":\"1\",\"more\":1}]}",
    };
    g_autoptr(virQbjNote) many = virQbjNoteNew("/a");
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_null(virQbjNoteParse(bad[i]));
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);
        virResetLastError();
    }
    for (i = 0; i <= VIR_QBJ_NOTE_MAX_FILES; i++)
        virQbjNoteAdd(many, "/b", "1");
    g_assert_null(virQbjNoteFormat(many));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_UNSUPPORTED);
    virResetLastError();
}

static void
assertUnread(const char *path)
{
    g_autofree char *text = qbjHostNoteRead(path, NOTE_MAX);

    g_assert_null(text);
}

static void
testFile(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
    g_autofree char *path = g_build_filename(here->folder, ".qbj-note", NULL);
    g_autofree char *link = g_build_filename(here->folder, "link", NULL);
    g_autofree char *big = g_strnfill(NOTE_MAX + 1, 'x');
    g_autofree char *text = NULL;

    assertUnread(path);
    g_assert_cmpint(qbjHostNoteWrite(path, "longer", LIMIT_MS), ==, 0);
    g_assert_cmpint(qbjHostNoteWrite(path, "short", LIMIT_MS), ==, 0);
    text = qbjHostNoteRead(path, NOTE_MAX);
    g_assert_cmpstr(text, ==, "short");

    /* what others may have written */
    g_assert_cmpint(symlink(path, link), ==, 0);
    assertUnread(link);
    g_assert_cmpint(qbjHostNoteWrite(link, "over", LIMIT_MS), ==, -1);
    g_assert_cmpint(chmod(path, 0660), ==, 0);
    assertUnread(path);
    g_assert_cmpint(chmod(path, 0600), ==, 0);
    ignore_value(unlink(link));
    g_assert_cmpint(linkat(AT_FDCWD, path, AT_FDCWD, link, 0), ==, 0);
    assertUnread(path);
    g_assert_cmpint(qbjHostNoteWrite(path, big, LIMIT_MS), ==, 0);
    g_assert_cmpint(unlink(link), ==, 0);
    assertUnread(path);
    g_assert_cmpint(qbjHostNoteRemove(path, true, LIMIT_MS), ==, 0);
    g_assert_cmpint(qbjHostNoteRemove(path, true, LIMIT_MS), ==, 0);
    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    assertUnread(path);
    virResetLastError();
}

/* A lock of another open file, as QEMU has it. */
static void
testInUse(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
    VIR_AUTOCLOSE fd = open(here->path, O_RDWR | O_CLOEXEC);
    struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 1 };

    g_assert_false(qbjHostTargetIsInUse(here->path));
    g_assert_cmpint(fcntl(fd, F_OFD_SETLK, &lock), ==, 0);
    g_assert_true(qbjHostTargetIsInUse(here->path));
}

static void
testSinceBoot(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
    struct timespec long_ago[] = { { .tv_sec = 86400 }, { .tv_sec = 86400 } };

    g_assert_true(qbjHostTargetWrittenSinceBoot(here->path));
    g_assert_cmpint(utimensat(AT_FDCWD, here->path, long_ago, 0), ==, 0);
    g_assert_false(qbjHostTargetWrittenSinceBoot(here->path));
    g_assert_cmpint(unlink(here->path), ==, 0);
    g_assert_true(qbjHostTargetWrittenSinceBoot(here->path));
}

#ifdef QBJ_DEBUG_CHECKS
static void
testFails(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
    g_autofree char *path = g_build_filename(here->folder, ".qbj-note", NULL);

    virQbjFaultSet("note:1");
    g_assert_cmpint(qbjHostNoteWrite(path, "text", LIMIT_MS), ==, -1);
    g_assert_cmpint(access(path, F_OK), <, 0);
    virQbjFaultSet(NULL);
    virResetLastError();
}
#endif

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);

    g_test_add_func("/host/note/text", testText);
    g_test_add_func("/host/note/text-refused", testTextRefused);
    g_test_add_func("/host/note/file", testFile);
    g_test_add_func("/host/note/in-use", testInUse);
    g_test_add_func("/host/note/since-boot", testSinceBoot);
#ifdef QBJ_DEBUG_CHECKS
    g_test_add_func("/host/note/fails", testFails);
#endif
    return g_test_run();
}
