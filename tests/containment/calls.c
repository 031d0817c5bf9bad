/* Makes the system calls that it is told of. Prints for each the errno it ended with, 0 if it succeeded.
 *
 * Arguments: NUMBER[,WORD]... for each call. A word is a number; `path` of a new file, or `file`, a descriptor of that; `zeros`, memory that holds
 * such; or a text behind a `=`. Each call is made in a child, if one can be had: some do not come back, or change the process. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char zeros[4096], path[] = "/tmp/hermetic-call-XXXXXX";

static uint64_t value(const char *word, int file) {
    if (!strcmp(word, "path"))
        return (uintptr_t)path;
    if (!strcmp(word, "file"))
        return file;
    if (!strcmp(word, "zeros"))
        return (uintptr_t)zeros;
    return *word == '=' ? (uintptr_t)word + 1 : strtoull(word, NULL, 10);
}

static int made(char *call, int file) {
    uint64_t words[7] = {0};
    int count = 0;
    for (char *word = strtok(call, ","); word && count < 7; word = strtok(NULL, ","))
        words[count++] = value(word, file);
    long result = syscall(words[0], words[1], words[2], words[3], words[4], words[5], words[6]);
    return result == -1 ? errno : 0;
}

int main(int count, char **calls) {
    setvbuf(stdout, NULL, _IONBF, 0);
    int file = mkstemp(path);
    for (int i = 1; i < count; i++) {
        pid_t caller = getpid(), child = fork();
        if (child <= 0) {
            int answer = made(calls[i], file);
            if (getpid() != caller)
                _exit(answer); /* that child, and what it may have made */
            printf("%d\n", answer);
            continue;
        }
        int status;
        waitpid(child, &status, 0);
        printf("%d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    }
    unlink(path);
    return 0;
}
