/* Changes and reads files below the directory that is its argument, see test_places_programs.py. Prints the name of whatever it could do. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

static int reads(const char *path) {
    char byte;
    int file = open(path, O_RDONLY);
    return file >= 0 && read(file, &byte, 1) == 1;
}
static int writes(void) { return write(open("data/file", O_WRONLY | O_APPEND), "x", 1) == 1; }
static int makes(void) { return close(open("data/made", O_WRONLY | O_CREAT, 0600)) == 0; }
static int cuts(void) { return !truncate("data/spare", 0); }
static int removes(void) { return !unlink("data/shared"); }
static int makes_directory(void) { return !mkdir("data/directory", 0700); }
static int removes_directory(void) { return !rmdir("data/empty"); }
static int makes_link(void) { return !symlink("file", "data/symlink"); }
static int makes_name(void) { return !link("data/file", "data/link"); }
static int moves(void) { return !rename("data/folder", "data/moved"); }
static int makes_pipe(void) { return !mkfifo("data/pipe", 0600); }
static int makes_socket(void) {
    return !bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&(struct sockaddr_un){AF_UNIX, "data/socket"}, sizeof(struct sockaddr_un));
}
static int writes_by_link(void) { return write(open("out/link/file", O_WRONLY | O_APPEND), "x", 1) == 1; }
static int writes_memory(void) { return close(open("/proc/self/mem", O_RDWR)) == 0; }
static int changes_mode(void) { return !chmod("data/file", 0640); }
static int changes_owner(void) { return !chown("data/file", getuid(), -1); }
static int changes_times(void) { return !utimensat(AT_FDCWD, "data/file", NULL, 0); }
static int changes_attribute(void) { return !setxattr("data/file", "user.name", "x", 1, 0); }
static int reads_hidden(void) { return reads("secret"); }
static int reads_by_link(void) { return reads("out/to-secret"); }
static int reads_by_dots(void) { return reads("data/../secrets/key"); }
static int reads_by_root(void) {
    char path[256] = "/proc/self/root", here[200];
    snprintf(path, sizeof path, "/proc/self/root%s/secret", getcwd(here, sizeof here));
    return reads(path);
}
static int reads_planted(void) { return reads("out/planted-key"); }
static int writes_inside(void) { return write(open("out/file", O_WRONLY | O_APPEND), "x", 1) == 1; }

static const struct {
    const char *name;
    int (*act)(void);
} acts[] = {
    {"write", writes}, {"make", makes}, {"cut", cuts}, {"remove", removes}, {"mkdir", makes_directory}, {"rmdir", removes_directory},
    {"symlink", makes_link}, {"link", makes_name}, {"fifo", makes_pipe}, {"socket", makes_socket}, {"write by link", writes_by_link},
    {"own memory", writes_memory}, {"mode", changes_mode}, {"owner", changes_owner}, {"times", changes_times},
    {"attribute", changes_attribute}, {"hidden", reads_hidden}, {"hidden by link", reads_by_link}, {"hidden by dots", reads_by_dots},
    {"hidden by root", reads_by_root}, {"planted", reads_planted}, {"inside", writes_inside}, {"move", moves},
};

int main(int count, char **words) {
    if (count < 2 || chdir(words[1]))
        return 1;
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (acts[i].act())
            puts(acts[i].name);
    return 0;
}
