/* The guest's only program: writes numbered, checksummed blocks and says on the serial line which are safe.
 *
 * usage: writer KEY=VALUE...   (the kernel command line, its qbj.* words)
 *
 *   qbj.mode=write    write until the end (default); qbj.count=N: stop after N and say "D disk N"
 *   qbj.mode=verify   read every block back, say what is there, power off
 *   (hello, reboot, idle and shell are done by init)
 *   qbj.disks=vda,vdb one thread for each
 *   qbj.blocks=N      the ring: block number S goes to slot ((S - 1) * stride) mod N, so later writes
 *   overwrite earlier qbj.stride=K      must have no common factor with N (default 1)
 *   qbj.base=N        first block of the ring on the disk
 *   qbj.rate=N        blocks in a second, 0: as fast as it goes
 *   qbj.batch=N       blocks between two fsync()s
 *   qbj.io=direct     O_DIRECT; or buffered. Both are followed by fsync() before anything is reported
 *   qbj.run=N         number of this run; it is in every block
 *   qbj.first=N       first sequence number
 *   qbj.period=MS     at most one report in that many ms (default 0: each batch)
 *
 * Lines on the serial port, written straight to the UART so that a line is out before the next write starts:
 *   W disk run first blocks stride base batch     the writer starts
 *   A disk seq us                                 everything up to seq is on stable storage; the batch took
 *   us E disk seq text                               an I/O error; this disk's writer ends
 *   D disk seq                                    all that was asked for is written
 *   V disk slots valid zero bad maxseq            result of verify
 *   B disk slot seq text                          a bad block (at most 20 are listed)
 *
 * Block: 8 bytes magic, then little-endian 64 bits each: seq, slot, run, disk; filling from a generator
 * seeded with them; the last 4 bytes are the CRC-32 of all before.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/reboot.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 4096, UART = 0x3f8, MAX_DISKS = 8, MAX_BAD_LINES = 20 };

static const char magic[8] = "QBJBLOCK";

static struct {
    char mode[16];
    char disks[128];
    char io[16];
    uint64_t blocks, stride, base, rate, batch, run, first, count, period;
} opt = { "write", "vda", "direct", 256, 1, 0, 100, 1, 1, 1, 0, 0 };

static pthread_mutex_t uartLock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t crcTable[256];

/* The emulated UART has no transmit delay: when this returns, the line has left the guest. */
static void
say(const char *format, ...)
{
    char line[256];
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(line, sizeof(line) - 2, format, args);
    va_end(args);
    if (length > (int) sizeof(line) - 3)
        length = sizeof(line) - 3;
    line[length++] = '\n';

    pthread_mutex_lock(&uartLock);
    for (int i = 0; i < length; i++) {
        while (!(inb(UART + 5) & 0x20))
            ;
        outb(line[i], UART);
    }
    pthread_mutex_unlock(&uartLock);
}

static uint32_t
crc32(const unsigned char *data, size_t size)
{
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < size; i++)
        crc = crcTable[(crc ^ data[i]) & 0xff] ^ (crc >> 8);
    return crc ^ 0xffffffff;
}

static void
crcInit(void)
{
    for (uint32_t n = 0; n < 256; n++) {
        uint32_t c = n;

        for (int k = 0; k < 8; k++)
            c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
        crcTable[n] = c;
    }
}

static uint64_t
slotOf(uint64_t seq)
{
    return (seq - 1) * opt.stride % opt.blocks;
}

static void
blockFill(unsigned char *block, uint64_t seq, uint64_t disk)
{
    uint64_t head[4] = { seq, slotOf(seq), opt.run, disk };
    uint64_t x = (seq * 0x9e3779b97f4a7c15u) ^ (opt.run << 32) ^ (disk << 56) ^ 1;
    uint32_t crc;

    memcpy(block, magic, sizeof(magic));
    memcpy(block + 8, head, sizeof(head));
    for (size_t at = 40; at < BLOCK; at += 8) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(block + at, &x, 8);
    }
    crc = crc32(block, BLOCK - 4);
    memcpy(block + BLOCK - 4, &crc, 4);
}

static uint64_t
nowUs(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t) t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int
diskOpen(const char *name, int flags)
{
    char path[64];
    int fd = -1;

    snprintf(path, sizeof(path), "/dev/%s", name);
    for (int i = 0; i < 100 && fd < 0; i++) {
        fd = open(path, flags | O_CLOEXEC | (strcmp(opt.io, "direct") == 0 ? O_DIRECT : 0));
        if (fd < 0)
            usleep(50 * 1000);
    }
    return fd;
}

static off_t
offsetOf(uint64_t slot)
{
    return (off_t) ((opt.base + slot) * BLOCK);
}

/* Writes @n blocks from @seq on and makes them safe. */
static int
batchWrite(int fd, unsigned char *block, uint64_t disk, uint64_t seq, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        ssize_t done;

        blockFill(block, seq + i, disk);
        done = pwrite(fd, block, BLOCK, offsetOf(slotOf(seq + i)));
        if (done != BLOCK) {
            if (done >= 0)
                errno = EIO;
            return -1;
        }
    }
    return fsync(fd);
}

static void
writeDisk(const char *name, uint64_t disk, int fd, unsigned char *block)
{
    uint64_t seq = opt.first;
    uint64_t last = opt.count ? opt.first + opt.count - 1 : UINT64_MAX;
    uint64_t begin = nowUs();
    uint64_t reported = 0;

    say("W %s %llu %llu %llu %llu %llu %llu", name, (unsigned long long) opt.run, (unsigned long long) opt.first,
        (unsigned long long) opt.blocks, (unsigned long long) opt.stride, (unsigned long long) opt.base,
        (unsigned long long) opt.batch);
    while (seq <= last) {
        uint64_t n = last - seq + 1 < opt.batch ? last - seq + 1 : opt.batch;
        uint64_t start = nowUs();
        uint64_t end;

        if (batchWrite(fd, block, disk, seq, n) < 0) {
            say("E %s %llu %s", name, (unsigned long long) seq, strerror(errno));
            return;
        }
        end = nowUs();
        seq += n;
        if (end - reported >= opt.period * 1000 || seq > last) {
            say("A %s %llu %llu", name, (unsigned long long) (seq - 1), (unsigned long long) (end - start));
            reported = end;
        }
        if (opt.rate) {
            uint64_t due = begin + (seq - opt.first) * 1000000 / opt.rate;

            if (end < due)
                usleep(due - end);
            else if (end > due + 1000000)
                begin = end - (seq - opt.first) * 1000000 / opt.rate;
        }
    }
    say("D %s %llu", name, (unsigned long long) last);
}

/* NULL, or what is wrong with the block. A slot that was never written is all zero and counts apart. */
static const char *
blockCheck(const unsigned char *block, uint64_t slot, uint64_t disk, uint64_t *seq)
{
    uint64_t head[4];
    uint32_t crc;

    memcpy(head, block + 8, sizeof(head));
    memcpy(&crc, block + BLOCK - 4, 4);
    *seq = head[0];
    if (memcmp(block, magic, sizeof(magic)) != 0)
        return "no magic";
    if (crc32(block, BLOCK - 4) != crc)
        return "checksum";
    if (head[1] != slot || slotOf(head[0]) != slot)
        return "wrong slot";
    if (head[3] != disk)
        return "wrong disk";
    return NULL;
}

static void
verifyDisk(const char *name, uint64_t disk, int fd, unsigned char *block)
{
    static const unsigned char zero[BLOCK];
    uint64_t valid = 0, empty = 0, bad = 0, max = 0;

    for (uint64_t slot = 0; slot < opt.blocks; slot++) {
        const char *wrong;
        uint64_t seq = 0;

        if (pread(fd, block, BLOCK, offsetOf(slot)) != BLOCK) {
            wrong = "cannot be read";
        } else if (memcmp(block, zero, BLOCK) == 0) {
            empty++;
            continue;
        } else {
            wrong = blockCheck(block, slot, disk, &seq);
        }
        if (wrong) {
            if (++bad <= MAX_BAD_LINES)
                say("B %s %llu %llu %s", name, (unsigned long long) slot, (unsigned long long) seq, wrong);
            continue;
        }
        valid++;
        if (seq > max)
            max = seq;
    }
    say("V %s %llu %llu %llu %llu %llu", name, (unsigned long long) opt.blocks, (unsigned long long) valid,
        (unsigned long long) empty, (unsigned long long) bad, (unsigned long long) max);
}

struct worker {
    pthread_t thread;
    const char *name;
    uint64_t disk;
};

static void *
workerRun(void *opaque)
{
    struct worker *worker = opaque;
    unsigned char *block = aligned_alloc(BLOCK, BLOCK);
    int verify = strcmp(opt.mode, "verify") == 0;
    int fd = diskOpen(worker->name, verify ? O_RDONLY : O_RDWR);

    if (fd < 0 || !block) {
        say("E %s 0 %s", worker->name, strerror(errno));
        return NULL;
    }
    if (verify)
        verifyDisk(worker->name, worker->disk, fd, block);
    else
        writeDisk(worker->name, worker->disk, fd, block);
    close(fd);
    free(block);
    return NULL;
}

static void
optParse(const char *word)
{
    static const struct { const char *key; uint64_t *number; char *text; size_t size; } keys[] = {
        { "qbj.mode=", NULL, opt.mode, sizeof(opt.mode) },
        { "qbj.disks=", NULL, opt.disks, sizeof(opt.disks) },
        { "qbj.io=", NULL, opt.io, sizeof(opt.io) },
        { "qbj.blocks=", &opt.blocks, NULL, 0 },
        { "qbj.stride=", &opt.stride, NULL, 0 },
        { "qbj.base=", &opt.base, NULL, 0 },
        { "qbj.rate=", &opt.rate, NULL, 0 },
        { "qbj.batch=", &opt.batch, NULL, 0 },
        { "qbj.run=", &opt.run, NULL, 0 },
        { "qbj.first=", &opt.first, NULL, 0 },
        { "qbj.count=", &opt.count, NULL, 0 },
        { "qbj.period=", &opt.period, NULL, 0 },
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        size_t length = strlen(keys[i].key);

        if (strncmp(word, keys[i].key, length) != 0)
            continue;
        if (keys[i].text)
            snprintf(keys[i].text, keys[i].size, "%s", word + length);
        else
            *keys[i].number = strtoull(word + length, NULL, 10);
        return;
    }
    say("E - 0 unknown option %s", word);
}

int
main(int argc, char **argv)
{
    struct worker workers[MAX_DISKS] = { 0 };
    size_t n = 0;

    if (ioperm(UART, 8, 1) < 0) {
        perror("ioperm");
        return 1;
    }
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "qbj.", 4) == 0)
            optParse(argv[i]);
    }
    if (opt.blocks == 0 || opt.batch == 0 || opt.first == 0) {
        say("E - 0 blocks, batch and first must not be 0");
        return 1;
    }
    crcInit();
    for (char *name = strtok(opt.disks, ","); name && n < MAX_DISKS; name = strtok(NULL, ",")) {
        workers[n].name = name;
        workers[n].disk = n;
        n++;
    }
    for (size_t i = 0; i < n; i++)
        pthread_create(&workers[i].thread, NULL, workerRun, &workers[i]);
    for (size_t i = 0; i < n; i++)
        pthread_join(workers[i].thread, NULL);
    return 0;
}
