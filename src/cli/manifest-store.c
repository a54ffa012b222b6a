#include "cli/manifest-store.h"

#include "base/fd.h"

#define ENTRY_MAX (16 << 20)

/* "host:5000/a/b:tag" → "host-5000_a_b-tag", never a path. */
static char *file_name(const char *reference)
{
        char *name = xstrdup(reference);

        for (char *p = name; *p; p++)
                *p = *p == ':' ? '-' : *p == '/' ? '_' : *p;
        return name;
}

static char *list_folder(struct cli *cli, const char *list)
{
        cleanup_free char *name = file_name(list);

        return string_format("%s/manifests/%s", cli->config_dir, name);
}

static int read_entry(const char *folder, const char *name, json_object **ret, struct error *err)
{
        cleanup_free char *path = string_format("%s/%s", folder, name), *text = NULL;
        size_t len;

        if (file_read(AT_FDCWD, path, ENTRY_MAX, &text, &len, err) < 0)
                return -1;
        return json_parse_text(text, len, ret, err) < 0 ? error_context(err, "%s", path) : 0;
}

static char **entry_names(const char *folder)
{
        cleanup_closedir DIR *dir = opendir(folder);
        struct dirent *entry;
        char **names = NULL;

        while (dir && (entry = readdir(dir)))
                if (entry->d_name[0] != '.')
                        strv_append(&names, entry->d_name);
        strv_sort(names);
        return names;
}

int manifest_store_list(struct cli *cli, const char *list, json_object **ret, struct error *err)
{
        cleanup_free char *folder = list_folder(cli, list);
        cleanup_strv char **names = entry_names(folder);
        cleanup_json json_object *entries = json_object_new_array();

        if (!names)
                return error_set(err, ERROR_NOT_FOUND, "No such manifest: %s", list);
        for (size_t i = 0; names[i]; i++) {
                json_object *entry;

                if (read_entry(folder, names[i], &entry, err) < 0)
                        return -1;
                json_object_array_add(entries, entry);
        }
        *ret = take_ptr(entries);
        return 0;
}

int manifest_store_get(struct cli *cli, const char *list, const char *image, json_object **ret,
                       struct error *err)
{
        cleanup_free char *folder = list_folder(cli, list), *name = file_name(image);
        cleanup_error struct error why = {};

        if (read_entry(folder, name, ret, &why) == 0)
                return 0;
        if (error_is(&why, ERROR_SYSTEM))
                return error_set(err, ERROR_NOT_FOUND, "No such manifest: %s", image);
        return error_move(err, &why);
}

int manifest_store_save(struct cli *cli, const char *list, const char *image, json_object *entry,
                        struct error *err)
{
        cleanup_free char *folder = list_folder(cli, list), *name = file_name(image),
                          *text = json_format(entry);
        cleanup_close int dir = -1;

        if (directory_make(AT_FDCWD, folder, 0755, err) < 0)
                return -1;
        dir = directory_open(AT_FDCWD, folder, err);
        return dir < 0 ? -1 : file_replace(dir, name, text, strlen(text), 0644, false, err);
}

int manifest_store_remove(struct cli *cli, const char *list, struct error *err)
{
        cleanup_free char *folder = list_folder(cli, list);

        if (access(folder, F_OK) < 0)
                return error_set(err, ERROR_NOT_FOUND, "No such manifest: %s", list);
        return tree_remove(AT_FDCWD, folder, err);
}
