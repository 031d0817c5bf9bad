/* An extension module that leaves its mark when it is loaded, whatever it is called and whoever loads it. Needs no header of Python's. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void leave_a_mark(void) {
    const char *marker = getenv("NATIVE_MARKER");
    if (marker != NULL) close(open(marker, O_CREAT | O_WRONLY, 0600));
}

/* Not a module: what imports it raises SystemError, or ImportError for another name. */
void *PyInit_demo(void) { return NULL; }
