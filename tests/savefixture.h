/* savefixture.h: a folder with one file, for tests of what is saved there. */
#pragma once

#include "internal.h"

typedef struct _saveFixture saveFixture;
struct _saveFixture {
    char *folder;
    char *path;                 /* folder/vm.xml, holds "old" */
};

saveFixture *saveFixtureNew(void);

/* The folder goes with all that is in it. NULL is fine. */
void saveFixtureFree(saveFixture *here);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(saveFixture, saveFixtureFree);

/* How many entries @folder has. */
unsigned int saveFixtureEntries(const char *folder);

/* The file @path holds @expected. */
void saveFixtureAssert(const char *path, const char *expected);
