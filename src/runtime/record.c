/* The records of davit-runtime's containers. A record is written once, when the container is at its gate;
 * everything that changes afterwards is asked of the kernel. */
#include "runtime/command.h"

#include "base/fd.h"
#include "base/process.h"
#include "base/time.h"

#include <ctype.h>
#include <errno.h>

#define RECORD_MAX (1 << 20)
#define ID_MAX 1024

static const struct json_field record_fields[] = {
        JSON_FIELD("ociVersion", struct runtime_record, oci_version, JSON_STRING),
        JSON_FIELD("id", struct runtime_record, id, JSON_STRING),
        JSON_FIELD("pid", struct runtime_record, pid, JSON_INT),
        JSON_FIELD("pidStart", struct runtime_record, pid_start, JSON_UINT64),
        JSON_FIELD("bundle", struct runtime_record, bundle, JSON_STRING),
        JSON_FIELD("rootfs", struct runtime_record, rootfs, JSON_STRING),
        JSON_FIELD("created", struct runtime_record, created, JSON_TIME),
        JSON_FIELD("owner", struct runtime_record, owner, JSON_STRING),
        JSON_FIELD("cgroupPath", struct runtime_record, cgroup_path, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("annotations", struct runtime_record, annotations, JSON_STRMAP, JSON_OMIT_EMPTY),
};
static const struct json_table record_table = JSON_TABLE(struct runtime_record, record_fields);

void runtime_record_deinit(struct runtime_record *record)
{
        json_free_fields(&record_table, record);
}

static int check_id(const char *id, struct error *err)
{
        bool good = *id && strlen(id) <= ID_MAX && !streq(id, ".") && !streq(id, "..");

        for (const char *c = id; good && *c; c++)
                good = isalnum((unsigned char)*c) || strchr("_+-.", *c);
        return good ? 0 : error_set(err, ERROR_INVALID, "invalid container ID format: %s", id);
}

int record_open(const struct runtime_globals *globals, const char *id, struct error *err)
{
        cleanup_free char *path = string_format("%s/%s", globals->root, id);
        int fd;

        if (check_id(id, err) < 0)
                return -1;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT)
                return error_set(err, ERROR_NOT_FOUND, "container does not exist");
        return fd < 0 ? error_errno(err, "%s", path) : fd;
}

int record_make(const struct runtime_globals *globals, const char *id, struct error *err)
{
        cleanup_free char *path = string_format("%s/%s", globals->root, id);

        if (check_id(id, err) < 0 || directory_make(AT_FDCWD, globals->root, 0700, err) < 0)
                return -1;
        if (mkdir(path, 0711) < 0)
                return errno == EEXIST
                           ? error_set(err, ERROR_CONFLICT, "container with given ID already exists")
                           : error_errno(err, "%s", path);
        return directory_open(AT_FDCWD, path, err);
}

int record_save(int dirfd, const struct runtime_record *record, struct error *err)
{
        cleanup_json json_object *tree = json_unbind(&record_table, record);
        cleanup_free char *text = json_format(tree);

        return file_replace(dirfd, "state.json", text, strlen(text), 0600, false, err);
}

int record_load(int dirfd, struct runtime_record *ret, struct error *err)
{
        cleanup_free char *text = NULL;
        size_t len;

        if (file_read(dirfd, "state.json", RECORD_MAX, &text, &len, err) < 0)
                return -1;
        return json_bind_text(&record_table, text, len, ret, err) < 0 ? error_context(err, "state.json") : 0;
}

int record_spec(int dirfd, struct oci_spec *ret, struct error *err)
{
        cleanup_free char *text = NULL;
        size_t len;

        if (file_read(dirfd, "config.json", COMMAND_SPEC_MAX, &text, &len, err) < 0)
                return -1;
        return json_bind_text(&oci_spec_table, text, len, ret, err) < 0 ? error_context(err, "config.json")
                                                                        : 0;
}

void record_remove(const struct runtime_globals *globals, const char *id)
{
        cleanup_free char *path = string_format("%s/%s", globals->root, id);

        tree_remove(AT_FDCWD, path, NULL);
}

static bool is_alive(const struct runtime_record *record)
{
        return process_is_alive(record->pid, record->pid_start);
}

const char *record_status(int dirfd, const struct runtime_record *record)
{
        cleanup_cgroup struct cgroup *cgroup = NULL;

        if (!is_alive(record))
                return "stopped";
        if (faccessat(dirfd, "gate", F_OK, 0) == 0)
                return "created";
        if (!string_empty(record->cgroup_path) && cgroup_open(record->cgroup_path, &cgroup, NULL) == 0 &&
            cgroup_is_frozen(cgroup))
                return "paused";
        return "running";
}

int record_attach(const struct runtime_record *record, struct runtime_container **ret, struct error *err)
{
        if (!is_alive(record))
                return error_set(err, ERROR_NOT_FOUND, "container not running");
        return runtime_attach(record->id, record->pid, record->cgroup_path, ret, err);
}

int record_find(const struct runtime_globals *globals, const char *id, struct runtime_record *ret,
                struct error *err)
{
        cleanup_close int dirfd = record_open(globals, id, err);

        if (dirfd < 0 || record_load(dirfd, ret, err) < 0)
                return -1;
        return take_fd(dirfd);
}
