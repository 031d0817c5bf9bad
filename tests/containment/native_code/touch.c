/* Native code that shows that it ran: as a library when it is loaded, as an extension module called `native`, as a program. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int touch(void) {
    const char *marker = getenv("MARKER");
    return marker && close(open(marker, O_CREAT | O_WRONLY, 0600));
}

__attribute__((constructor)) static void loaded(void) { touch(); }

void *PyInit_native(void) { return NULL; }

int sqlite3_touch_init(void) { return touch(); }

int main(void) { return touch(); }
