#include <config.h>

#include "aclfixture.h"
#include "embedfixture.h"

#include <libvirt/virterror.h>

#define SLOTS (sizeof(virHypervisorDriver) / sizeof(void *))

static virHypervisorDriver *driver;     /* the whole table */
static virHypervisorDriver only;        /* the one callback of the line that runs */
static bool covered[SLOTS];

/* The table begins with the driver's name; all the rest are pointers to functions. */
G_STATIC_ASSERT(offsetof(virHypervisorDriver, name) == 0);
G_STATIC_ASSERT(sizeof(virHypervisorDriver) % sizeof(void *) == 0);

static void **
slot(virHypervisorDriver *table, size_t number)
{
    return (void **) table + number;
}

void
aclTableTake(virConnectPtr conn)
{
    driver = conn->driver;
}

void
aclUnchecked(size_t callback)
{
    covered[callback / sizeof(void *)] = true;
}

void
aclBegin(virConnectPtr conn, size_t callback)
{
    size_t number = callback / sizeof(void *);

    covered[number] = true;
    only = (virHypervisorDriver) { .name = driver->name };
    *slot(&only, number) = *slot(driver, number);
    conn->driver = &only;
    virResetLastError();
}

void
aclEnd(virConnectPtr conn, bool failed, const char *name)
{
    conn->driver = driver;
    CHECK(failed && embedErrorIs(VIR_ERR_ACCESS_DENIED), name);
    virResetLastError();
}

void
aclTableCheck(void)
{
    size_t missing = 0;
    size_t count = 0;
    size_t i;

    for (i = 1; i < SLOTS; i++) {
        if (!*slot(driver, i))
            continue;
        count++;
        if (!covered[i] && ++missing)
            printf("# no line for callback number %zu of virHypervisorDriver\n", i);
    }

    printf("# %zu callbacks\n", count);
    CHECK(count > 50 && missing == 0, "each callback of the driver has its line");
}
