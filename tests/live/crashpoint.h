/* The steps of crashpoint.c, for the calls that are counted: crashcalls.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Nothing but the calls themselves may stand before what a library of the daemon defines. */
#pragma GCC visibility push(hidden)

/* What a call is; it may be several. */
enum {
    CHANGE = 1,         /* rename, removal, fsync */
    COMMAND = 2,        /* a command to a monitor */
    CREATE = 4,         /* makes a file, a folder, or a name */
    OPEN = 8,           /* gives a descriptor */
    WRITE = 16,         /* into a file, or its size */
    OWN = 32,           /* owner, rights, label */
};

/* Before a call of the kinds @kinds on @name. Dies when it is the one. True: it is to fail, errno is set. */
bool step(int kinds, const char *what, const char *name);

/* The same for the file of @fd. */
bool fileStep(int kinds, const char *what, int fd);

/* After it. Returns its @result. */
int stepDone(int result);

/* A write of @length bytes into @fd. Returns how many of them are to be written, or -1 with errno. */
ssize_t writeStep(int fd, size_t length);

/* True: connect() is to fail, errno is set. */
bool connectFails(void);

/* A command is about to be sent in @data, which may be replaced by another of the same length, that lives for
 * as long as the thread. Returns false when nothing is to be sent, with errno; @cut: the connection ends as
 * soon as it has been. */
bool commandStep(int fd, const char **data, size_t length, bool *cut);

/* After @length bytes of it were sent; negative: it has failed. */
void commandDone(int fd, const char *data, ssize_t length, bool cut);

#pragma GCC visibility pop
