/*
 * Preloaded into a server, makes one sync fail as a disk does that has lost what it was to write. The file that SYNC_FAULT names says which:
 * a number n and a path, in one line; of the syncs of files whose paths begin with that one the nth fails, and then the file is removed. What was written
 * since the last sync of that file is gone then, as far as the file had grown by it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FDS 65536
static struct { ino_t inode; off_t size; } synced[MAX_FDS];
static int count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int is_to_fail(int fd) {
  const char *plan = getenv("SYNC_FAULT");
  FILE *file = plan ? fopen(plan, "r") : NULL;
  if (!file) return 0;
  int nth, is_read;
  char wanted[PATH_MAX], link[64], path[PATH_MAX];
  is_read = fscanf(file, "%d %4095[^\n]", &nth, wanted) == 2;
  fclose(file);
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (!is_read || length < 0) return 0;
  path[length] = 0;
  if (strncmp(path, wanted, strlen(wanted)) || ++count < nth) return 0;
  count = 0;
  unlink(plan);
  return 1;
}

static int sync_or_fail(int fd, const char *name) {
  int (*call)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  pthread_mutex_lock(&lock);
  int fails = is_to_fail(fd);
  pthread_mutex_unlock(&lock);
  struct stat found;
  int is_known = fd < MAX_FDS && fstat(fd, &found) == 0 && S_ISREG(found.st_mode);
  if (!fails) {
    int result = call(fd);
    if (result == 0 && is_known) {
      synced[fd].inode = found.st_ino;
      synced[fd].size = found.st_size;
    }
    return result;
  }
  if (is_known && synced[fd].inode == found.st_ino && synced[fd].size < found.st_size && ftruncate(fd, synced[fd].size)) abort();
  errno = EIO;
  return -1;
}

int fsync(int fd) { return sync_or_fail(fd, "fsync"); }
int fdatasync(int fd) { return sync_or_fail(fd, "fdatasync"); }
