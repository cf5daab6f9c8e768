/* Counts, spoils or records what a process writes below a folder. Loaded by LD_PRELOAD; see io_shim.py. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OFF, COUNT, KILL, TORN, SECTORS, FAIL };

#define MOST 65536

static char root[4096];
static size_t root_length;
static int mode, failure, forever;
static long at, counted;
static unsigned int chance;
static int record = -1;
static char kinds[MOST + 1];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static ssize_t real_pwrite(int fd, const void *data, size_t size, off_t offset) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
    return real(fd, data, size, offset);
}

static ssize_t real_write(int fd, const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    return real(fd, data, size);
}

/* ---- what the test calls */

void io_arm(const char *folder, int what, long n, int error, int for_good, unsigned int seed) {
    snprintf(root, sizeof root, "%s", folder);
    root_length = strlen(root);
    at = n, failure = error, forever = for_good, chance = seed, counted = 0;
    memset(kinds, 0, sizeof kinds);
    mode = what;
}

void io_disarm(void) { mode = OFF; }
long io_counted(void) { return counted; }
const char *io_kinds(void) { return kinds; }

void io_record(const char *file) {
    static int (*real)(const char *, int, ...);
    if (!real) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    record = real(file, O_WRONLY | O_CREAT | O_APPEND, 0600);
}

/* ---- which operation, and what becomes of it */

static void entry(char kind, const char *path, const char *other, uint64_t inode, int64_t offset,
                  const void *data, size_t size) {
    if (record < 0) return;
    uint32_t lengths[2] = {(uint32_t)strlen(path), other ? (uint32_t)strlen(other) : 0};
    int64_t numbers[3] = {(int64_t)inode, offset, (int64_t)size};
    real_write(record, &kind, 1);
    real_write(record, lengths, sizeof lengths);
    real_write(record, numbers, sizeof numbers);
    real_write(record, path, lengths[0]);
    if (other) real_write(record, other, lengths[1]);
    while (data && size) {
        ssize_t done = real_write(record, data, size);
        if (done <= 0) abort();
        data = (const char *)data + done, size -= (size_t)done;
    }
}

void io_mark(const char *text) { entry('m', text, NULL, 0, 0, NULL, 0); }

static int below(const char *path) {
    return mode != OFF && strncmp(path, root, root_length) == 0;
}

static int path_of(int fd, char *path) {
    char name[64];
    if (mode == OFF) return 0;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(name, path, 4095);
    if (length <= 0) return 0;
    path[length] = 0;
    return below(path);
}

static void absolute(int folder, const char *name, char *path) {
    char base[4096] = "";
    if (!name) return;
    if (name[0] != '/') {
        char link[64];
        if (folder == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t length = readlink(link, base, sizeof base - 1);
        base[length > 0 ? length : 0] = 0;
        strncat(base, "/", sizeof base - strlen(base) - 1);
    }
    snprintf(path, 4096, "%s%s", strlen(base) > 4000 ? "" : base, name);
}

static uint64_t inode_of(int fd) {
    struct stat found;
    return fstat(fd, &found) ? 0 : (uint64_t)found.st_ino;
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* Counts an operation. Returns whether it fails; does not return where it kills. size: what a write has. */
static int strikes(char kind, int fd, const void *data, size_t size, off_t offset, int seeks) {
    long n = ++counted;
    if (n <= MOST) kinds[n - 1] = kind;
    if (mode == COUNT || n < at || (n > at && !(mode == FAIL && forever))) return 0;
    if (mode == FAIL) {
        /* Where the disk is full, files can be removed and synced. */
        if (failure == ENOSPC && (kind == 'u' || kind == 's')) return 0;
        errno = failure;
        return 1;
    }
    if (kind == 'w' && mode != KILL) {
        size_t part = size / 2;
        if (mode == SECTORS) part = size > 512 ? (rand_r(&chance) % ((size - 1) / 512) + 1) * 512 : 0;
        if (part) seeks ? real_write(fd, data, part) : real_pwrite(fd, data, part, offset);
    }
    die();
    return 1;
}

#define LOCKED(expression) \
    do { \
        pthread_mutex_lock(&mutex); \
        expression; \
        pthread_mutex_unlock(&mutex); \
    } while (0)

/* ---- writes */

static ssize_t do_pwrite(int fd, const void *data, size_t size, off_t offset) {
    char path[4096];
    if (!path_of(fd, path)) return real_pwrite(fd, data, size, offset);
    ssize_t done = -1;
    LOCKED(if (!strikes('w', fd, data, size, offset, 0)) {
        done = real_pwrite(fd, data, size, offset);
        if (done > 0) entry('w', path, NULL, inode_of(fd), offset, data, (size_t)done);
    });
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) { return do_pwrite(fd, data, size, offset); }
ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset) { return do_pwrite(fd, data, size, offset); }

ssize_t write(int fd, const void *data, size_t size) {
    char path[4096];
    if (!path_of(fd, path)) return real_write(fd, data, size);
    ssize_t done = -1;
    LOCKED(if (!strikes('w', fd, data, size, 0, 1)) {
        done = real_write(fd, data, size);
        if (done > 0) {
            off_t end = lseek(fd, 0, SEEK_CUR);
            entry('w', path, NULL, inode_of(fd), end - done, data, (size_t)done);
        }
    });
    return done;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    char path[4096];
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    if (!path_of(fd, path)) return real(fd, parts, count);
    /* A part at a time: to the reader of a file it is the same. */
    ssize_t all = 0;
    for (int number = 0; number < count; number++) {
        ssize_t done = write(fd, parts[number].iov_base, parts[number].iov_len);
        if (done < 0) return all ? all : done;
        all += done;
        if ((size_t)done < parts[number].iov_len) break;
    }
    return all;
}

/* What the kernel copies is written here, so that it can be torn and recorded. */
static ssize_t copied(int out, int in, off_t *from, off_t *to, size_t size) {
    static __thread char data[1 << 18];
    size_t part = size < sizeof data ? size : sizeof data;
    ssize_t got = from ? pread(in, data, part, *from) : read(in, data, part);
    if (got <= 0) return got;
    ssize_t done = to ? do_pwrite(out, data, (size_t)got, *to) : write(out, data, (size_t)got);
    if (done > 0 && from) *from += done;
    if (done > 0 && to) *to += done;
    return done;
}

ssize_t copy_file_range(int in, off_t *from, int out, off_t *to, size_t size, unsigned int flags) {
    char path[4096];
    REAL(ssize_t, "copy_file_range", int, off_t *, int, off_t *, size_t, unsigned int);
    return path_of(out, path) ? copied(out, in, from, to, size) : real(in, from, out, to, size, flags);
}

ssize_t sendfile(int out, int in, off_t *from, size_t size) {
    char path[4096];
    REAL(ssize_t, "sendfile", int, int, off_t *, size_t);
    return path_of(out, path) ? copied(out, in, from, NULL, size) : real(out, in, from, size);
}

ssize_t sendfile64(int out, int in, off_t *from, size_t size) { return sendfile(out, in, from, size); }

/* ---- what is synced and cut */

#define ON_HANDLE(kind, call, offset) \
    char path[4096]; \
    if (!path_of(fd, path)) return call; \
    int done = -1; \
    LOCKED(if (!strikes(kind, fd, NULL, 0, 0, 0)) { \
        done = call; \
        if (!done) entry(kind, path, NULL, inode_of(fd), offset, NULL, 0); \
    }); \
    return done

int fsync(int fd) {
    REAL(int, "fsync", int);
    ON_HANDLE('s', real(fd), 0);
}

int fdatasync(int fd) {
    REAL(int, "fdatasync", int);
    ON_HANDLE('s', real(fd), 0);
}

static int do_ftruncate(int fd, off_t length) {
    REAL(int, "ftruncate64", int, off_t);
    ON_HANDLE('t', real(fd, length), length);
}

int ftruncate(int fd, off_t length) { return do_ftruncate(fd, length); }
int ftruncate64(int fd, off_t length) { return do_ftruncate(fd, length); }

static int do_allocate(int fd, int how, off_t offset, off_t length) {
    REAL(int, "fallocate64", int, int, off_t, off_t);
    /* Holes and reserves: what is read afterwards is what was written, or zero. */
    ON_HANDLE('a', real(fd, how, offset, length), 0);
}

int fallocate(int fd, int how, off_t offset, off_t length) { return do_allocate(fd, how, offset, length); }
int fallocate64(int fd, int how, off_t offset, off_t length) { return do_allocate(fd, how, offset, length); }

/* ---- names */

#define ON_NAMES(kind, folder, name, other_folder, other, call) \
    char path[4096]; \
    char second[4096] = ""; \
    absolute(folder, name, path); \
    absolute(other_folder, other, second); \
    if (!below(path) && !below(second)) return call; \
    int done = -1; \
    LOCKED(if (!strikes(kind, -1, NULL, 0, 0, 0)) { \
        done = call; \
        if (!done) entry(kind, path, *second ? second : NULL, 0, 0, NULL, 0); \
    }); \
    return done

#define NONE ((const char *)NULL)

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    ON_NAMES('r', AT_FDCWD, from, AT_FDCWD, to, real(from, to));
}

int renameat(int source, const char *from, int target, const char *to) {
    REAL(int, "renameat", int, const char *, int, const char *);
    ON_NAMES('r', source, from, target, to, real(source, from, target, to));
}

int renameat2(int source, const char *from, int target, const char *to, unsigned int flags) {
    REAL(int, "renameat2", int, const char *, int, const char *, unsigned int);
    ON_NAMES('r', source, from, target, to, real(source, from, target, to, flags));
}

int link(const char *from, const char *to) {
    REAL(int, "link", const char *, const char *);
    ON_NAMES('l', AT_FDCWD, from, AT_FDCWD, to, real(from, to));
}

int linkat(int source, const char *from, int target, const char *to, int flags) {
    REAL(int, "linkat", int, const char *, int, const char *, int);
    ON_NAMES('l', source, from, target, to, real(source, from, target, to, flags));
}

int unlink(const char *name) {
    REAL(int, "unlink", const char *);
    ON_NAMES('u', AT_FDCWD, name, AT_FDCWD, NONE, real(name));
}

int unlinkat(int folder, const char *name, int flags) {
    REAL(int, "unlinkat", int, const char *, int);
    if (flags & AT_REMOVEDIR) return real(folder, name, flags);
    ON_NAMES('u', folder, name, AT_FDCWD, NONE, real(folder, name, flags));
}

int remove(const char *name) {
    REAL(int, "remove", const char *);
    ON_NAMES('u', AT_FDCWD, name, AT_FDCWD, NONE, real(name));
}

/* Opening counts where it makes a file or empties it. */
static int do_open(int folder, const char *name, int flags, mode_t rights) {
    static int (*real)(int, const char *, int, ...);
    if (!real) real = (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat64");
    char path[4096];
    struct stat found;
    int there;
    if (mode == OFF || !(flags & (O_CREAT | O_TRUNC))) return real(folder, name, flags, rights);
    absolute(folder, name, path);
    if (!below(path)) return real(folder, name, flags, rights);
    there = stat(path, &found) == 0;
    if (there && (!(flags & O_TRUNC) || found.st_size == 0)) return real(folder, name, flags, rights);
    int done = -1;
    LOCKED(if (!strikes('c', -1, NULL, 0, 0, 0)) {
        done = real(folder, name, flags, rights);
        if (done >= 0) entry(there ? 't' : 'c', path, NULL, inode_of(done), 0, NULL, 0);
    });
    return done;
}

#define RIGHTS \
    mode_t rights = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        rights = va_arg(rest, mode_t); \
        va_end(rest); \
    }

int open(const char *name, int flags, ...) {
    RIGHTS
    return do_open(AT_FDCWD, name, flags, rights);
}

int open64(const char *name, int flags, ...) {
    RIGHTS
    return do_open(AT_FDCWD, name, flags, rights);
}

int openat(int folder, const char *name, int flags, ...) {
    RIGHTS
    return do_open(folder, name, flags, rights);
}

int openat64(int folder, const char *name, int flags, ...) {
    RIGHTS
    return do_open(folder, name, flags, rights);
}
