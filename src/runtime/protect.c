/* What runs as root and then executes a container's program must not be a file on the host's disk: an image can name
 * /proc/self/exe as its interpreter and open what it finds there for writing once we are gone (CVE-2019-5736). So davitd
 * starts its helpers from a copy in memory, sealed, shared by all of them. */
#include "base/fd.h"
#include "runtime/runtime.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#ifndef MFD_EXEC /* Linux 6.3 */
#define MFD_EXEC 0x10U
#endif

int runtime_protected_binary(const char *path, char **ret_path, struct error *err)
{
        cleanup_close int from = open(path, O_RDONLY | O_CLOEXEC), copy = -1;
        struct stat st;
        off_t at = 0;

        if (from < 0 || fstat(from, &st) < 0)
                return error_errno(err, "%s", path);
        copy = memfd_create("davit", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
        if (copy < 0)
                copy = memfd_create("davit", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (copy < 0)
                return error_errno(err, "memfd_create");
        while (at < st.st_size)
                if (sendfile(copy, from, &at, (size_t)(st.st_size - at)) <= 0)
                        return error_errno(err, "copy %s", path);
        if (fchmod(copy, 0500) < 0 || fcntl(copy, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
                return error_errno(err, "seal %s", path);
        *ret_path = string_format("/proc/%d/fd/%d", getpid(), take_fd(copy));
        return 0;
}
