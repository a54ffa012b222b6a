/* post_start and pre_stop: commands inside a container at a moment of its life. */
#include "compose/engine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static json_object *exec_body(const struct compose_service *service, const struct compose_hook *hook)
{
        json_object *out = json_object_new_object(), *command = json_object_new_array(),
                    *env = json_object_new_array();

        for (char **word = hook->command; word && *word; word++)
                json_object_array_add(command, json_object_new_string(*word));
        for (size_t i = 0; i < hook->environment.count; i++) {
                const struct strpair *pair = &hook->environment.pairs[i];
                cleanup_free char *text =
                    pair->value ? string_format("%s=%s", pair->key, pair->value) : xstrdup(pair->key);

                json_object_array_add(env, json_object_new_string(text));
        }
        json_object_object_add(out, "Cmd", command);
        json_object_object_add(out, "Env", env);
        json_set_string(out, "User", hook->user ? hook->user : "");
        json_set_string(out, "WorkingDir", hook->working_dir ? hook->working_dir : "");
        json_object_object_add(out, "Privileged", json_object_new_boolean(hook->privileged));
        json_object_object_add(out, "AttachStdout", json_object_new_boolean(true));
        json_object_object_add(out, "AttachStderr", json_object_new_boolean(true));
        (void)service;
        return out;
}

/* Whole lines of what it says; a frame is at most a part of one. */
static void show(struct compose_engine *e, const char *container, struct strbuf *pending, const char *data,
                 size_t len)
{
        char *newline;

        strbuf_add(pending, data, len);
        while (pending->len && (newline = memchr(pending->data, '\n', pending->len))) {
                size_t used = (size_t)(newline - pending->data) + 1;

                *newline = 0;
                if (e->hook_output)
                        e->hook_output(e->reporter.context, container, pending->data);
                memmove(pending->data, pending->data + used, pending->len - used);
                pending->len -= used;
        }
}

static bool read_exactly(struct client_hijack *h, void *buffer, size_t len)
{
        char *p = buffer;

        while (len) {
                ssize_t n;

                if (h->early_len) {
                        n = (ssize_t)MIN(len, h->early_len);
                        memcpy(p, h->early, (size_t)n);
                        memmove(h->early, h->early + n, h->early_len - (size_t)n);
                        h->early_len -= (size_t)n;
                } else {
                        n = read(h->fd, p, len);
                        if (n < 0 && errno == EINTR)
                                continue;
                        if (n <= 0)
                                return false;
                }
                p += n;
                len -= (size_t)n;
        }
        return true;
}

static void follow(struct compose_engine *e, const char *container, struct client_hijack *h)
{
        cleanup_strbuf struct strbuf pending = {};
        unsigned char header[8];

        while (read_exactly(h, header, sizeof(header))) {
                uint32_t left;

                memcpy(&left, header + 4, sizeof(left));
                for (left = ntohl(left); left;) {
                        char buffer[4096];
                        size_t n = MIN(sizeof(buffer), (size_t)left);

                        if (!read_exactly(h, buffer, n))
                                return;
                        show(e, container, &pending, buffer, n);
                        left -= (uint32_t)n;
                }
        }
        if (pending.len)
                show(e, container, &pending, "\n", 1);
}

static int run_hook(struct compose_engine *e, const struct compose_service *service,
                    const struct compose_hook *hook, const struct compose_container *c, struct error *err)
{
        cleanup_json json_object *body = exec_body(service, hook), *answer = NULL, *state = NULL,
                                 *start = json_object_new_object();
        cleanup_query struct client_query create = {}, begin = {}, inspect = {};
        struct client_hijack h = { .fd = -1 };
        const char *id;
        int code;

        client_query_init(&create, "/containers/%s/exec", c->id);
        if (client_call(e->client, "POST", &create, body, &answer, NULL, err) < 0)
                return -1;
        id = json_get_string(answer, "Id");
        if (!id)
                return error_set(err, ERROR_INVALID, "the engine's answer has no id");
        client_query_init(&begin, "/exec/%s/start", id);
        if (client_hijack_open(e->client, "POST", &begin, start, &h, err) < 0)
                return -1;
        follow(e, c->name, &h);
        client_hijack_deinit(&h);
        client_query_init(&inspect, "/exec/%s/json", id);
        if (client_call(e->client, "GET", &inspect, NULL, &state, NULL, err) < 0)
                return -1;
        code = (int)json_get_int64(state, "ExitCode", 0);
        return code == 0 ? 0
                         : error_set(err, ERROR_SYSTEM, "%s hook exited with status %d", service->name, code);
}

int compose_hooks_run(struct compose_engine *e, const struct compose_service *service,
                      const struct compose_hook *hooks, size_t count, const struct compose_container *c,
                      struct error *err)
{
        if (e->dry_run)
                return 0;
        for (size_t i = 0; i < count; i++)
                if (run_hook(e, service, &hooks[i], c, err) < 0)
                        return -1;
        return 0;
}
