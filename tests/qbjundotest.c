/* Golden cases of the planners of a snapshot's deletion and of the revert to one (behaviour/08 S8 to S10):
 * each folder has a case.json, and the plan.txt or error.txt that comes out. */
#include <config.h>

#include <glib/gstdio.h>

#include "internal.h"
#include "specfixture.h"
#include "statusfixture.h"
#include "undo.h"
#include "virerror.h"

static const char *const deleteFlags[] = { "children", "metadata-only", "children-only", NULL };
static const char *const revertFlags[] = { "running", "paused", "force", "reset-nvram", NULL };

/* What a case is made of; freed at its end. */
typedef struct _testCase testCase;
struct _testCase {
    qbjUndo undo;
    virJSONValue *json;
};

static virStorageSource *
source(const char *path)
{
    virStorageSource *src = virStorageSourceNew();

    src->type = STRPREFIX(path, "nbd:") ? VIR_STORAGE_TYPE_NETWORK : VIR_STORAGE_TYPE_FILE;
    if (STRPREFIX(path, "/dev/"))
        src->type = VIR_STORAGE_TYPE_BLOCK;
    src->format = VIR_STORAGE_FILE_QCOW2;
    src->path = g_strdup(path);
    return src;
}

/* From the array of paths, active image first. */
static virStorageSource *
chainOf(virJSONValue *paths)
{
    virStorageSource *top = NULL;
    size_t i;

    for (i = virJSONValueArraySize(paths); i > 0; i--) {
        virStorageSource *src = source(virJSONValueGetString(virJSONValueArrayGet(paths, i - 1)));

        src->backingStore = top;
        top = src;
    }
    return top;
}

static void
addChain(qbjUndo *undo, qbjUndoOwner owner, const char *moment, const char *disk, virJSONValue *paths)
{
    qbjUndoChain *chain = qbjUndoChainNew(owner, moment, disk, chainOf(paths));

    chain->readonly = STRPREFIX(disk, "hd");
    g_ptr_array_add(undo->chains, chain);
}

static void
addChains(qbjUndo *undo, qbjUndoOwner owner, virJSONValue *disks)
{
    size_t i;

    for (i = 0; disks && i < (size_t) virJSONValueObjectKeysNumber(disks); i++) {
        const char *disk = virJSONValueObjectGetKey(disks, i);

        addChain(undo, owner, NULL, disk, virJSONValueObjectGetArray(disks, disk));
    }
}

/* What headers say; by default that is what the snapshots say. */
static void
addHeaders(qbjUndo *undo, virStorageSource *chain)
{
    g_assert_nonnull(chain);
    if (!chain)
        return;             /* for compilers that do not see that it does not come here */
    g_hash_table_replace(undo->headers, g_strdup(chain->path), chain);
}

static void
readHeaders(qbjUndo *undo, virJSONValue *json)
{
    size_t i;

    for (i = 0; json && i < (size_t) virJSONValueObjectKeysNumber(json); i++) {
        const char *path = virJSONValueObjectGetKey(json, i);
        virStorageSource *image = source(path);

        image->backingStore = chainOf(virJSONValueObjectGetArray(json, path));
        addHeaders(undo, image);
    }
}

static void
readDisk(qbjUndo *undo, const virDomainSnapshotDef *def, virDomainSnapshotDiskDef *disk, virJSONValue *json)
{
    const char *how = virJSONValueObjectGetString(json, "how");
    const char *overlay = virJSONValueObjectGetString(json, "overlay");
    virJSONValue *chain = virJSONValueObjectGetArray(json, "chain");

    disk->snapshot = how ? virDomainSnapshotLocationTypeFromString(how) : VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL;
    disk->src = overlay ? source(overlay) : virStorageSourceNew();
    ignore_value(virJSONValueObjectGetBoolean(json, "begun", &disk->snapshotDeleteInProgress));
    if (!chain)
        return;
    addChain(undo, QBJ_UNDO_MOMENT, def->parent.name, disk->name, chain);
    addHeaders(undo, chainOf(chain));
    if (overlay) {
        virStorageSource *top = source(overlay);

        top->backingStore = chainOf(chain);
        addHeaders(undo, top);
    }
}

static void
readSnapshot(qbjUndo *undo, virJSONValue *json)
{
    virDomainSnapshotDef *def = virDomainSnapshotDefNew();
    virJSONValue *disks = virJSONValueObjectGetObject(json, "disks");
    const char *memory = virJSONValueObjectGetString(json, "memory");
    const char *state = virJSONValueObjectGetString(json, "state");
    size_t i;

    def->parent.name = g_strdup(virJSONValueObjectGetString(json, "name"));
    def->parent.parent_name = g_strdup(virJSONValueObjectGetString(json, "parent"));
    def->state = state ? virDomainSnapshotStateTypeFromString(state) : VIR_DOMAIN_SNAPSHOT_DISK_SNAPSHOT;
    def->memory = memory ? VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL : VIR_DOMAIN_SNAPSHOT_LOCATION_NO;
    def->memorysnapshotfile = g_strdup(memory);
    def->ndisks = disks ? virJSONValueObjectKeysNumber(disks) : 0;
    def->disks = g_new0(virDomainSnapshotDiskDef, def->ndisks);
    g_ptr_array_add(undo->moments, def);
    for (i = 0; i < def->ndisks; i++) {
        def->disks[i].name = g_strdup(virJSONValueObjectGetKey(disks, i));
        readDisk(undo, def, &def->disks[i], virJSONValueObjectGetValue(disks, i));
    }
}

static GHashTable *
readSet(virJSONValue *json, const char *key)
{
    virJSONValue *paths = virJSONValueObjectGetArray(json, key);
    GHashTable *set = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    size_t i;

    for (i = 0; paths && i < virJSONValueArraySize(paths); i++)
        g_hash_table_add(set, g_strdup(virJSONValueGetString(virJSONValueArrayGet(paths, i))));
    return set;
}

static GHashTable *
readTable(virJSONValue *json, const char *key)
{
    GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    virJSONValue *value = virJSONValueObjectGetObject(json, key);
    size_t i;

    for (i = 0; value && i < (size_t) virJSONValueObjectKeysNumber(value); i++)
        g_hash_table_insert(table, g_strdup(virJSONValueObjectGetKey(value, i)),
                            g_strdup(virJSONValueGetString(virJSONValueObjectGetValue(value, i))));
    return table;
}

/* What is said of a path is said of the file. */
static void
addInodes(qbjUndo *undo)
{
    GHashTableIter iter;
    void *path;
    void *inode;
    void *value;

    g_hash_table_iter_init(&iter, undo->inodes);
    while (g_hash_table_iter_next(&iter, &path, &inode)) {
        if ((value = g_hash_table_lookup(undo->foreign, path)))
            g_hash_table_insert(undo->foreign, g_strdup(inode), g_strdup(value));
        if ((value = g_hash_table_lookup(undo->inside, path)))
            g_hash_table_insert(undo->inside, g_strdup(inode), g_ptr_array_ref(value));
    }
}

/* Of images: as an object with the names of the internal snapshots of each, or as a list, with a name that no
 * snapshot has. */
static GHashTable *
readInside(virJSONValue *json)
{
    GHashTable *inside = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
    virJSONValue *value = virJSONValueObjectGet(json, "inside");
    bool list = value && virJSONValueIsArray(value);
    size_t n = !value ? 0 : list ? virJSONValueArraySize(value) : (size_t) virJSONValueObjectKeysNumber(value);
    size_t i;
    size_t j;

    for (i = 0; i < n; i++) {
        const char *path = list ? virJSONValueGetString(virJSONValueArrayGet(value, i)) :
                                  virJSONValueObjectGetKey(value, i);
        virJSONValue *names = list ? NULL : virJSONValueObjectGetArray(value, path);
        GPtrArray *copy = g_ptr_array_new_with_free_func(g_free);

        for (j = 0; names && j < virJSONValueArraySize(names); j++)
            g_ptr_array_add(copy, g_strdup(virJSONValueGetString(virJSONValueArrayGet(names, j))));
        if (list)
            g_ptr_array_add(copy, g_strdup("another"));
        g_hash_table_insert(inside, g_strdup(path), copy);
    }
    return inside;
}

static gboolean
isMissing(gpointer path, gpointer chain G_GNUC_UNUSED, gpointer missing)
{
    return g_hash_table_contains(missing, path);
}

static void
readCase(const char *dir, testCase *test)
{
    qbjUndo *undo = &test->undo;
    virJSONValue *snapshots;
    size_t i;

    test->json = qbjTestJSON(dir, "case.json");
    undo->persistent = true;
    ignore_value(virJSONValueObjectGetBoolean(test->json, "running", &undo->running));
    ignore_value(virJSONValueObjectGetBoolean(test->json, "persistent", &undo->persistent));
    undo->current = virJSONValueObjectGetString(test->json, "current");
    undo->moments = g_ptr_array_new_with_free_func(virObjectUnref);
    undo->chains = g_ptr_array_new_with_free_func((GDestroyNotify) qbjUndoChainFree);
    undo->headers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, virObjectUnref);
    addChains(undo, QBJ_UNDO_LIVE, virJSONValueObjectGetObject(test->json, "live"));
    addChains(undo, QBJ_UNDO_PERSISTENT, virJSONValueObjectGetObject(test->json, "next"));
    snapshots = virJSONValueObjectGetArray(test->json, "snapshots");
    for (i = 0; i < virJSONValueArraySize(snapshots); i++)
        readSnapshot(undo, virJSONValueArrayGet(snapshots, i));
    readHeaders(undo, virJSONValueObjectGetObject(test->json, "headers"));
    undo->inodes = readTable(test->json, "inodes");
    undo->missing = readSet(test->json, "missing");
    g_hash_table_foreach_remove(undo->headers, isMissing, undo->missing);
    undo->inside = readInside(test->json);
    undo->foreign = readTable(test->json, "foreign");
    addInodes(undo);
}

static void
freeCase(testCase *test)
{
    g_ptr_array_unref(test->undo.moments);
    g_ptr_array_unref(test->undo.chains);
    g_hash_table_unref(test->undo.inodes);
    g_hash_table_unref(test->undo.missing);
    g_hash_table_unref(test->undo.inside);
    g_hash_table_unref(test->undo.foreign);
    g_hash_table_unref(test->undo.headers);
    virJSONValueFree(test->json);
}

static virDomainSnapshotDef *
findSnapshot(const testCase *test, const char *name)
{
    size_t i;

    for (i = 0; i < test->undo.moments->len; i++) {
        virDomainSnapshotDef *def = g_ptr_array_index(test->undo.moments, i);

        if (STREQ(def->parent.name, name))
            return def;
    }
    g_error("no snapshot %s", name);
    return NULL;
}

static void
appendNames(GString *text, const char *key, const GPtrArray *names)
{
    size_t i;

    if (names->len > 0)
        g_string_append_printf(text, "%s:", key);
    for (i = 0; i < names->len; i++)
        g_string_append_printf(text, " %s", (const char *) g_ptr_array_index(names, i));
    if (names->len > 0)
        g_string_append_c(text, '\n');
}

static void
appendImages(GString *text, const char *key, const GPtrArray *images)
{
    size_t i;

    for (i = 0; i < images->len; i++)
        g_string_append_printf(text, " %s=%s", key, ((const virStorageSource *) g_ptr_array_index(images, i))->path);
}

static char *
deleteText(const qbjUndoDelete *plan)
{
    GString *text = g_string_new(NULL);
    size_t i;

    for (i = 0; i < plan->disks->len; i++) {
        const qbjUndoDisk *item = g_ptr_array_index(plan->disks, i);

        g_string_append_printf(text, "%s: %s base=%s", item->disk, qbjUndoHowTypeToString(item->how),
                               item->base->path);
        if (item->overlay)
            g_string_append_printf(text, " overlay=%s", item->overlay->path);
        if (item->above)
            g_string_append_printf(text, " above=%s", item->above->path);
        appendImages(text, "over", item->over);
        if (item->below)
            g_string_append_printf(text, " below=%s", item->below->path);
        appendImages(text, "beside", item->beside);
        g_string_append_c(text, '\n');
    }
    appendNames(text, "definitions change", plan->changed);
    appendNames(text, "files removed", plan->unlink);
    appendNames(text, "snapshots removed", plan->removed);
    appendNames(text, "children", plan->children);
    if (plan->children->len > 0)
        g_string_append_printf(text, "their parent: %s\n", plan->parent ? plan->parent : "-");
    if (plan->currentGoes)
        g_string_append_printf(text, "current: %s\n", plan->current ? plan->current : "-");
    return g_string_free(text, FALSE);
}

static char *
deleteTexts(const GPtrArray *plans)
{
    GString *text = g_string_new(NULL);
    size_t i;

    for (i = 0; i < plans->len; i++) {
        g_autofree char *one = deleteText(g_ptr_array_index(plans, i));

        g_string_append_printf(text, "%s%s", i > 0 ? "\n" : "", one);
    }
    return g_string_free(text, FALSE);
}

static char *
revertText(const qbjUndoRevert *plan)
{
    static const char *const words[] = { "shut off", "running", "paused" };
    GString *text = g_string_new(NULL);
    size_t i;

    for (i = 0; i < plan->laid->len; i++) {
        const qbjUndoLaid *laid = g_ptr_array_index(plan->laid, i);

        g_string_append_printf(text, "%s: new overlay %s.* over %s\n", laid->disk, laid->stem, laid->base->path);
    }
    if (plan->memory)
        g_string_append_printf(text, "memory: %s\n", plan->memory);
    g_string_append_printf(text, "to: %s\n", words[plan->to]);
    appendNames(text, "files removed", plan->unlink);
    return g_string_free(text, FALSE);
}

static void
testPlan(const char *dir)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(qbjUndoDelete) deletion = NULL;
    g_autoptr(GPtrArray) deletions = NULL;
    g_autoptr(qbjUndoRevert) revert = NULL;
    g_autofree char *text = NULL;
    testCase test = { .json = NULL };
    unsigned int flags;
    const char *name;
    int rc;

    readCase(dir, &test);
    name = virJSONValueObjectGetString(test.json, "delete");
    flags = qbjTestFlags(test.json, "flags", name ? deleteFlags : revertFlags);
    if (name && flags && !(flags & VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY)) {
        rc = qbjUndoPlanDeleteAll(&test.undo, name, flags, &deletions, &refusal);
        text = rc == 0 ? deleteTexts(deletions) : NULL;
    } else if (name) {
        rc = qbjUndoPlanDelete(&test.undo, findSnapshot(&test, name), flags, &deletion, &refusal);
        text = rc == 0 ? deleteText(deletion) : NULL;
    } else {
        name = virJSONValueObjectGetString(test.json, "revert");
        rc = qbjUndoPlanRevert(&test.undo, findSnapshot(&test, name), flags, &revert, &refusal);
        text = rc == 0 ? revertText(revert) : NULL;
    }
    g_assert_cmpint(rc, ==, refusal.code == VIR_ERR_OK ? 0 : -1);
    qbjTestCompareResult(dir, "plan.txt", text, &refusal);
    freeCase(&test);
}

static void
testFolder(const void *opaque)
{
    testPlan(opaque);
}

/* --- what other snapshots say afterwards --- */

static virDomainDef *
definition(const char *const *paths)
{
    virDomainDef *def = virDomainDefNew(NULL);
    virDomainDiskDef *disk = virDomainDiskDefNew(NULL);
    virStorageSource *src = NULL;
    size_t i;

    virObjectUnref(disk->src);
    disk->src = NULL;
    disk->dst = g_strdup("vda");
    for (i = 0; paths[i]; i++) {
        virStorageSource *next = source(paths[i]);

        if (src)
            src->backingStore = next;
        else
            disk->src = next;
        src = next;
    }
    virDomainDiskInsert(def, disk);
    return def;
}

static void
checkForget(const char *const *before, bool changed, const char *after)
{
    g_autoptr(virDomainDef) def = definition(before);
    g_autoptr(virStorageSource) overlay = source("/i/overlay");
    g_autoptr(virStorageSource) base = source("/i/base");
    g_autoptr(GHashTable) inodes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GString) text = g_string_new(NULL);
    const virStorageSource *src;

    g_hash_table_insert(inodes, g_strdup("/i/overlay"), g_strdup("1"));
    g_hash_table_insert(inodes, g_strdup("/link/overlay"), g_strdup("1"));
    def->disks[0]->src->readonly = true;
    g_assert_cmpint(qbjUndoForgetImage(def, overlay, base, inodes), ==, changed);
    for (src = def->disks[0]->src; src; src = src->backingStore)
        g_string_append_printf(text, "%s ", src->path);
    g_assert_cmpstr(text->str, ==, after);
    g_assert_true(def->disks[0]->src->readonly);
    g_assert_false(qbjUndoForgetImage(def, overlay, base, inodes));
}

static void
testForget(void)
{
    checkForget((const char *[]) { "/i/top", "/i/overlay", "/i/base", "/i/x", NULL }, true, "/i/top /i/base /i/x ");
    checkForget((const char *[]) { "/i/overlay", "/i/base", "/i/x", NULL }, true, "/i/base /i/x ");
    /* a definition that states only its head */
    checkForget((const char *[]) { "/i/overlay", NULL }, true, "/i/base ");
    checkForget((const char *[]) { "/i/top", "/i/overlay", NULL }, true, "/i/top ");
    /* by another name */
    checkForget((const char *[]) { "/i/top", "/link/overlay", "/i/base", NULL }, true, "/i/top /i/base ");
    checkForget((const char *[]) { "/i/base", "/i/x", NULL }, false, "/i/base /i/x ");
}

static void
addFolder(const char *area)
{
    g_autofree char *folder = g_build_filename(QBJ_TEST_DATA, area, NULL);
    GDir *dir = g_dir_open(folder, 0, NULL);
    const char *name;

    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_strdup_printf("/undo/%s/%s", area, name);

        g_test_add_data_func_full(path, g_build_filename(folder, name, NULL), testFolder, g_free);
    }
    g_dir_close(dir);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    virInitialize();
    addFolder("snapshotdelete");
    addFolder("snapshotrevert");
    g_test_add_func("/undo/forget", testForget);
    return g_test_run();
}
