/* Preloaded into a process, it lets one change of a file below FAULT_ROOT go wrong.
 *
 * Each call of the system that changes something there is a point, numbered from 1. At
 * the point armed, the process is killed (a write is half done by then), the disk is full
 * from then on (a write is short once, then fails), or the call fails with EIO, once. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { NONE, KILL, FULL, BROKEN };
static int kind, wanted, count, is_armed;
static char watched[65536];

void fault_arm(int new_kind, int point) {
    kind = new_kind, wanted = point, count = 0, is_armed = 1;
}

int fault_count(void) { return count; }

static int is_below(int folder, const char *path) {
    char full[2 * PATH_MAX] = "", link[64];
    const char *root = getenv("FAULT_ROOT");
    if (!root || !path) return 0;
    if (path[0] != '/') {
        ssize_t length;
        snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
        length = readlink(link, full, PATH_MAX);
        if (length < 0) return 0;
        full[length] = '/', full[length + 1] = 0;
    }
    strncat(full, path, PATH_MAX - 1);
    return strncmp(full, root, strlen(root)) == 0;
}

/* Return whether this call fails; errno says how. */
static int fails(const char *name, const char *what, int needs_space) {
    if (!is_armed) return 0;
    count++;
    if (getenv("FAULT_TRACE")) dprintf(2, "POINT %d %s %s\n", count, name, what);
    if (kind == NONE || count < wanted) return 0;
    if (count == wanted) dprintf(2, "FAULT %d %s %s\n", kind, name, what);
    if (kind == KILL) kill(getpid(), SIGKILL);
    if (kind == FULL && needs_space) return errno = ENOSPC, 1;
    if (kind == BROKEN && count == wanted) return errno = EIO, 1;
    return 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int is_file(int fd) { return is_armed && fd >= 0 && fd < (int)sizeof watched && watched[fd]; }

static void name_of(int fd, char *name) {
    char link[64];
    ssize_t length;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, name, PATH_MAX - 1);
    name[length < 0 ? 0 : length] = 0;
}

/* How many bytes of a write are done: all, half, or -1 for none. */
static ssize_t allowed(const char *call, int fd, size_t size) {
    char name[PATH_MAX];
    int is_first;
    if (!is_file(fd)) return size;
    name_of(fd, name);
    is_first = count + 1 == wanted;
    if (kind == KILL && is_first) return size / 2;
    if (fails(call, name, 1)) return kind == FULL && is_first && size > 1 ? (ssize_t)size / 2 : -1;
    return size;
}

#define WRITES(name, parameters, values)                                             \
    ssize_t name parameters {                                                        \
        ssize_t most = allowed(#name, fd, size), done;                               \
        if (most < 0) return -1;                                                     \
        if (most == (ssize_t)size) return REAL(name) values;                         \
        size = most;                                                                 \
        done = REAL(name) values;                                                    \
        if (kind == KILL) fails(#name, "half done", 1);                              \
        return done;                                                                 \
    }
WRITES(write, (int fd, const void *data, size_t size), (fd, data, size))
WRITES(pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at))
WRITES(pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at))
ssize_t sendfile(int, int, off_t *, size_t);
ssize_t sendfile64(int, int, off64_t *, size_t);
WRITES(sendfile, (int fd, int from, off_t *at, size_t size), (fd, from, at, size))
WRITES(sendfile64, (int fd, int from, off64_t *at, size_t size), (fd, from, at, size))

#define ON_FILE(name, parameters, values)                                            \
    int name parameters {                                                            \
        char path[PATH_MAX];                                                         \
        if (is_file(fd)) {                                                           \
            name_of(fd, path);                                                       \
            if (fails(#name, path, 1)) return -1;                                    \
        }                                                                            \
        return REAL(name) values;                                                    \
    }
ON_FILE(fsync, (int fd), (fd))
ON_FILE(fdatasync, (int fd), (fd))
ON_FILE(ftruncate, (int fd, off_t size), (fd, size))
ON_FILE(ftruncate64, (int fd, off64_t size), (fd, size))

#define ON_PATH(name, folder, path, needs_space, parameters, values)                 \
    int name parameters {                                                            \
        if (is_armed && is_below(folder, path) && fails(#name, path, needs_space))   \
            return -1;                                                               \
        return REAL(name) values;                                                    \
    }
ON_PATH(mkdir, AT_FDCWD, p, 1, (const char *p, mode_t m), (p, m))
ON_PATH(mkdirat, d, p, 1, (int d, const char *p, mode_t m), (d, p, m))
ON_PATH(rename, AT_FDCWD, q, 1, (const char *p, const char *q), (p, q))
ON_PATH(renameat, e, q, 1, (int d, const char *p, int e, const char *q), (d, p, e, q))
ON_PATH(link, AT_FDCWD, q, 1, (const char *p, const char *q), (p, q))
ON_PATH(linkat, e, q, 1, (int d, const char *p, int e, const char *q, int f), (d, p, e, q, f))
ON_PATH(symlink, AT_FDCWD, q, 1, (const char *p, const char *q), (p, q))
ON_PATH(unlink, AT_FDCWD, p, 0, (const char *p), (p))
ON_PATH(unlinkat, d, p, 0, (int d, const char *p, int f), (d, p, f))
ON_PATH(rmdir, AT_FDCWD, p, 0, (const char *p), (p))
ON_PATH(utimensat, d, p, 0, (int d, const char *p, const struct timespec t[2], int f), (d, p, t, f))

#define OPENS(name, folder, parameters, values)                                      \
    int name parameters {                                                            \
        va_list more;                                                                \
        mode_t mode = 0;                                                             \
        int fd, is_ours = is_armed && is_below(folder, p);                           \
        va_start(more, flags);                                                       \
        if (flags & (O_CREAT | O_TMPFILE)) mode = va_arg(more, mode_t);              \
        va_end(more);                                                                \
        if (is_ours && flags & (O_CREAT | O_TRUNC) && fails(#name, p, 1)) return -1; \
        fd = REAL(name) values;                                                      \
        if (fd >= 0 && fd < (int)sizeof watched) watched[fd] = is_ours;              \
        return fd;                                                                   \
    }
OPENS(open, AT_FDCWD, (const char *p, int flags, ...), (p, flags, mode))
OPENS(open64, AT_FDCWD, (const char *p, int flags, ...), (p, flags, mode))
OPENS(openat, d, (int d, const char *p, int flags, ...), (d, p, flags, mode))
OPENS(openat64, d, (int d, const char *p, int flags, ...), (d, p, flags, mode))

int close(int fd) {
    if (fd >= 0 && fd < (int)sizeof watched) watched[fd] = 0;
    return REAL(close)(fd);
}
