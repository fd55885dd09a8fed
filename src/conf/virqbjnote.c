#include <config.h>

#include "internal.h"
#include "virqbjnote.h"
#include "virerror.h"
#include "virjson.h"
#include "virqbjjson.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* Another layout is another number: an older daemon leaves such a note alone. */
#define VIR_QBJ_NOTE_VERSION 1

static void
virQbjNoteFileFree(void *opaque)
{
    virQbjNoteFile *file = opaque;

    g_free(file->path);
    g_free(file->identity);
    g_free(file);
}

virQbjNote *
virQbjNoteNew(const char *source)
{
    virQbjNote *note = g_new0(virQbjNote, 1);

    note->source = g_strdup(source);
    note->files = g_ptr_array_new_with_free_func(virQbjNoteFileFree);
    return note;
}

void
virQbjNoteFree(virQbjNote *note)
{
    if (!note)
        return;
    g_free(note->source);
    g_ptr_array_unref(note->files);
    g_free(note);
}

void
virQbjNoteAdd(virQbjNote *note, const char *path, const char *identity)
{
    virQbjNoteFile *file = g_new0(virQbjNoteFile, 1);

    file->path = g_strdup(path);
    file->identity = g_strdup(identity);
    g_ptr_array_add(note->files, file);
}

static virJSONValue *
virQbjNoteFormatFiles(const virQbjNote *note)
{
    g_autoptr(virJSONValue) array = virJSONValueNewArray();
    size_t i;

    for (i = 0; i < note->files->len; i++) {
        const virQbjNoteFile *file = g_ptr_array_index(note->files, i);
        g_autoptr(virJSONValue) entry = NULL;

        if (virJSONValueObjectAdd(&entry, "s:path", file->path, "s:identity", file->identity, NULL) < 0 ||
            virJSONValueArrayAppend(array, &entry) < 0)
            return NULL;
    }
    return g_steal_pointer(&array);
}

char *
virQbjNoteFormat(const virQbjNote *note)
{
    g_autoptr(virJSONValue) files = virQbjNoteFormatFiles(note);
    g_autoptr(virJSONValue) all = NULL;
    g_autofree char *text = NULL;

    if (!files ||
        virJSONValueObjectAdd(&all, "i:version", VIR_QBJ_NOTE_VERSION, "s:source", note->source, "a:files", &files,
                              NULL) < 0 ||
        !(text = virJSONValueToString(all, false)))
        return NULL;
    if (strlen(text) > VIR_QBJ_NOTE_MAX_SIZE || note->files->len > VIR_QBJ_NOTE_MAX_FILES) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("the note about '%s' would be too large"), note->source);
        return NULL;
    }
    return g_steal_pointer(&text);
}

/* The member @key, an absolute file name; NULL when it is not. */
static const char *
virQbjNotePath(virJSONValue *object, const char *key)
{
    const char *path = virJSONValueObjectGetString(object, key);

    return path && g_path_is_absolute(path) && strlen(path) < PATH_MAX ? path : NULL;
}

static int
virQbjNoteParseFile(virQbjNote *note, virJSONValue *entry)
{
    const char *identity;
    const char *path;

    if (!virJSONValueIsObject(entry) || virJSONValueObjectKeysNumber(entry) != 2 ||
        !(path = virQbjNotePath(entry, "path")) ||
        !(identity = virJSONValueObjectGetString(entry, "identity")) || !*identity)
        return -1;
    virQbjNoteAdd(note, path, identity);
    return 0;
}

static virQbjNote *
virQbjNoteParseAll(virJSONValue *all)
{
    g_autoptr(virQbjNote) note = NULL;
    virJSONValue *files;
    const char *source;
    int version;
    size_t i;

    if (!virJSONValueIsObject(all) || virJSONValueObjectKeysNumber(all) != 3 ||
        virJSONValueObjectGetNumberInt(all, "version", &version) < 0 || version != VIR_QBJ_NOTE_VERSION ||
        !(source = virQbjNotePath(all, "source")) || !(files = virJSONValueObjectGetArray(all, "files")) ||
        virQbjJSONArraySize(files) > VIR_QBJ_NOTE_MAX_FILES)
        return NULL;
    note = virQbjNoteNew(source);
    for (i = 0; i < virQbjJSONArraySize(files); i++) {
        if (virQbjNoteParseFile(note, virJSONValueArrayGet(files, i)) < 0)
            return NULL;
    }
    return g_steal_pointer(&note);
}

virQbjNote *
virQbjNoteParse(const char *text)
{
    g_autoptr(virJSONValue) all = NULL;
    virQbjNote *note = NULL;

    if (strlen(text) <= VIR_QBJ_NOTE_MAX_SIZE && (all = virJSONValueFromString(text)))
        note = virQbjNoteParseAll(all);
    if (!note)
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("the note about a block job cannot be read"));
    return note;
}
