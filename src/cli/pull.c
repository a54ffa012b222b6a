/* pull, push, search. */
#include "cli/pull.h"
#include "cli/credentials.h"
#include "cli/each.h"
#include "cli/format.h"
#include "cli/image.h"
#include "cli/platform-option.h"
#include "cli/progress.h"
#include "client/client.h"
#include "oci/reference.h"

struct transfer {
        bool all, disable_content_trust, quiet;
        char *platform;
};

/* The reference of the argument, with the default tag unless `all` wants none. */
static int parse_name(const char *name, const struct transfer *o, struct reference *ret, struct error *err)
{
        if (reference_parse(name, ret, err) < 0)
                return -1;
        if (o->all && (ret->tag || ret->digest))
                return error_set(err, ERROR_INVALID, "tag can't be used with --all-tags/-a");
        if (!o->all && !ret->tag && !ret->digest) {
                reference_default_tag(ret);
                if (!o->quiet)
                        printf("Using default tag: %s\n", ret->tag);
        }
        fflush(stdout);
        return 0;
}

/* ---- pull ---- */

static const struct option pull_options[] = {
        OPTION_BOOL("all-tags", 'a', struct transfer, all, "Download all tagged images in the repository"),
        OPTION_BOOL("disable-content-trust", 0, struct transfer, disable_content_trust,
                    "Skip image verification", "true"),
        OPTION_STRING("platform", 0, struct transfer, platform,
                      "Set platform if server is multi-platform capable"),
        OPTION_BOOL("quiet", 'q', struct transfer, quiet, "Suppress verbose output"),
};

int image_pull(struct cli *cli, const struct reference *r, bool all, const char *platform, FILE *out,
               struct error *err)
{
        cleanup_client_stream struct client_stream *answer = NULL;
        cleanup_query struct client_query q = {};
        cleanup_free char *name = reference_familiar_name(r), *auth = NULL;
        struct client *client;
        char *headers[2] = {};

        if (credentials_header(cli, r->domain, &auth, err) < 0)
                return -1;
        headers[0] = auth;
        client_query_init(&q, "/images/create");
        client_query_add(&q, "fromImage", name);
        if (!all)
                client_query_add(&q, "tag", r->digest ? r->digest : r->tag);
        client_query_add(&q, "platform", string_empty(platform) ? NULL : platform);
        if (cli_client(cli, &client, err) < 0 ||
            client_stream_open(client, "POST", &q, headers, NULL, NULL, &answer, err) < 0)
                return -1;
        return progress_show(answer, out, NULL, NULL, err);
}

int pull_image(struct cli *cli, const char *text, const char *platform, void *file, struct error *err)
{
        cleanup_reference struct reference r = {};

        if (reference_parse(text, &r, err) < 0)
                return -1;
        reference_default_tag(&r);
        return image_pull(cli, &r, false, platform, file, err);
}

static int run_pull(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct transfer *o = call->values;
        cleanup_reference struct reference r = {};
        cleanup_free char *whole = NULL;

        if (parse_name(call->args[0], o, &r, err) < 0 ||
            image_pull(cli, &r, o->all, o->platform, o->quiet ? NULL : stdout, err) < 0)
                return -1;
        whole = reference_format(&r);
        puts(whole);
        return 0;
}

/* ---- push ---- */

static const struct option push_options[] = {
        OPTION_BOOL("all-tags", 'a', struct transfer, all, "Push all tags of an image to the repository"),
        OPTION_BOOL("disable-content-trust", 0, struct transfer, disable_content_trust, "Skip image signing",
                    "true"),
        OPTION_STRING("platform", 0, struct transfer, platform,
                      "Push a platform-specific manifest as a single-platform image to the registry.\nImage "
                      "index won't be pushed, meaning that "
                      "other manifests, including attestations won't be preserved.\n'os[/arch[/variant]]': "
                      "Explicit platform (eg. linux/amd64)"),
        OPTION_BOOL("quiet", 'q', struct transfer, quiet, "Suppress verbose output"),
};

/* POST /images/NAME/push for a reference with its tag (NULL: all tags). */
static int image_push(struct cli *cli, const struct reference *r, const char *tag, const char *platform,
                      FILE *out, struct error *err)
{
        cleanup_client_stream struct client_stream *answer = NULL;
        cleanup_query struct client_query q = {};
        cleanup_free char *name = reference_familiar_name(r), *auth = NULL;
        struct client *client;
        char *headers[2] = {};

        if (r->digest)
                return error_set(err, ERROR_INVALID, "cannot push a digest reference");
        client_query_init(&q, "/images/%s/push", name);
        client_query_add(&q, "tag", tag);
        if (platform_option_add(&q, "platform", platform, err) < 0 ||
            credentials_header(cli, r->domain, &auth, err) < 0)
                return -1;
        headers[0] = auth;
        if (cli_client(cli, &client, err) < 0 ||
            client_stream_open(client, "POST", &q, headers, NULL, NULL, &answer, err) < 0)
                return -1;
        return progress_show(answer, out, NULL, NULL, err);
}

int push_image(struct cli *cli, const char *text, void *file, struct error *err)
{
        cleanup_reference struct reference r = {};

        if (reference_parse(text, &r, err) < 0)
                return -1;
        reference_default_tag(&r);
        return image_push(cli, &r, r.tag, NULL, file, err);
}

static int run_push(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct transfer *o = call->values;
        cleanup_reference struct reference r = {};
        cleanup_free char *whole = NULL;

        if (parse_name(call->args[0], o, &r, err) < 0 ||
            image_push(cli, &r, o->all ? NULL : r.tag, o->platform, o->quiet ? NULL : stdout, err) < 0)
                return -1;
        whole = reference_format(&r);
        if (o->quiet)
                puts(whole);
        return 0;
}

/* ---- search ---- */

struct search {
        char **filter;
        char *format;
        int64_t limit;
        bool no_trunc;
};
static const struct option search_options[] = {
        OPTION_FILTER(struct search, filter, "Filter output based on conditions provided"),
        OPTION_FORMAT(struct search, format, "Pretty-print search using a Go template"),
        OPTION_INT("limit", 0, struct search, limit, "Max number of search results"),
        OPTION_BOOL("no-trunc", 0, struct search, no_trunc, "Don't truncate output"),
};
static const struct format_field search_fields[] = {
        { "Description", "DESCRIPTION" },
        { "IsOfficial", "OFFICIAL" },
        { "Name", "NAME" },
        { "StarCount", "STARS" },
};
static const struct format_kind search_kind = {
        "*search.searchContext",
        "{{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}",
        "",
        search_fields,
        ARRAY_SIZE(search_fields),
        NULL
};
#define DESCRIPTION_SHOWN 45

/* A mark in tables and templates, a word in JSON. */
static const char *official(json_object *found, bool json)
{
        bool is = json_get_bool(found, "is_official");

        return json ? (is ? "true" : "false") : is ? "[OK]" : "";
}

static json_object *search_row(json_object *found, bool full, bool json)
{
        json_object *row = json_object_new_object();
        const char *text = json_get_string(found, "description");
        cleanup_free char *description = xstrdup(text ? text : ""), *shown = NULL;
        cleanup_free char *stars = string_format("%lld", (long long)json_get_int64(found, "star_count", 0));

        for (char *p = description; *p; p++)
                if (*p == '\n' || *p == '\r')
                        *p = ' ';
        shown = full ? xstrdup(description) : format_ellipsis(description, DESCRIPTION_SHOWN);
        json_set_string(row, "Description", shown);
        json_set_string(row, "IsOfficial", official(found, json));
        json_set_string(row, "Name", json_get_string(found, "name"));
        json_set_string(row, "StarCount", stars);
        return row;
}

static int run_search(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct search *o = call->values;
        cleanup_free char *filters = filters_text(o->filter), *auth = NULL, *text = NULL;
        cleanup_client_stream struct client_stream *answer = NULL;
        cleanup_query struct client_query q = {};
        cleanup_json json_object *list = NULL;
        bool json = o->format && (streq(o->format, "json") || strstr(o->format, "json ."));
        struct client *client;
        struct format *f;
        char *headers[2] = {};
        size_t len;

        client_query_init(&q, "/images/search");
        client_query_add(&q, "term", call->args[0]);
        if (o->limit > 0)
                client_query_add_int(&q, "limit", o->limit);
        client_query_add(&q, "filters", filters);
        if (credentials_header(cli, "docker.io", &auth, err) < 0)
                return -1;
        headers[0] = auth;
        if (cli_client(cli, &client, err) < 0 ||
            client_stream_open(client, "GET", &q, headers, NULL, NULL, &answer, err) < 0 ||
            stream_read_all(&answer->body.stream, 16 << 20, &text, &len, err) < 0 ||
            json_parse_text(text, len, &list, err) < 0)
                return -1;
        if (format_open(&search_kind, o->format, false, &f, err) < 0)
                return -1;
        for (size_t i = 0; json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
             i++)
                if (format_row(f, search_row(json_object_array_get_idx(list, i), o->no_trunc, json), err) <
                    0) {
                        format_close(f, NULL);
                        return -1;
                }
        return format_close(f, err);
}

const struct command pull_command = { .name = "pull",
                                      .group = "Common Commands",
                                      .usage = "[OPTIONS] NAME[:TAG|@DIGEST]",
                                      .summary = "Download an image from a registry",
                                      .aliases = "image pull, pull",
                                      COMMAND_OPTIONS(pull_options, struct transfer),
                                      .min_args = 1,
                                      .max_args = 1,
                                      .run = run_pull };
const struct command push_command = { .name = "push",
                                      .group = "Common Commands",
                                      .usage = "[OPTIONS] NAME[:TAG]",
                                      .summary = "Upload an image to a registry",
                                      .aliases = "image push, push",
                                      COMMAND_OPTIONS(push_options, struct transfer),
                                      .min_args = 1,
                                      .max_args = 1,
                                      .run = run_push };
const struct command search_command = { .name = "search",
                                        .group = "Common Commands",
                                        .usage = "[OPTIONS] TERM",
                                        .summary = "Search Docker Hub for images",
                                        COMMAND_OPTIONS(search_options, struct search),
                                        .min_args = 1,
                                        .max_args = 1,
                                        .run = run_search };
