#include "compose/load.h"
#include "suite.h"

#include <stdio.h>

SUITE(compose_load);

static int load(const char *text, const char *other, struct compose_project **ret, struct error *err)
{
        static char file[] = "/nowhere/proj/compose.yaml", second[] = "/nowhere/proj/over.yaml",
                    set[] = "SET=1";
        char *files[] = { file, other ? second : NULL, NULL },
             *texts[] = { (char *)text, (char *)other, NULL }, *environment[] = { set, NULL };
        struct compose_options options = {
                .files = files, .texts = texts, .environment = environment, .locate = true
        };

        return compose_load(&options, ret, err);
}

static struct compose_project *loaded(const char *text, const char *other)
{
        cleanup_error struct error err = {};
        struct compose_project *p = NULL;

        if (load(text, other, &p, &err) < 0)
                ck_abort_msg("%s", error_message(&err));
        return p;
}

TEST(short_forms)
{
        cleanup_compose_project struct compose_project *p = loaded(
            "services:\n  web:\n    image: x:${SET}\n    ports: ['8080-8081:80-81']\n    depends_on: [db]\n"
            "    environment: [A=1, SET, N]\n    volumes: ['data:/d', './s:/s:ro']\n    command: a 'b c'\n"
            "    mem_limit: 64m\n    stop_grace_period: 1m30s\n  db: {image: y}\nvolumes: {data: }\n",
            NULL);
        const struct compose_service *web = compose_project_service(p, "web");

        ck_assert_str_eq(p->name, "proj");
        ck_assert_str_eq(web->image, "x:1");
        ck_assert_uint_eq(web->n_ports, 2);
        ck_assert_str_eq(web->ports[1].published, "8081");
        ck_assert_str_eq(web->depends_on[0].condition, "service_started");
        ck_assert_str_eq(strmap_get(&web->environment, "SET"), "1");
        ck_assert_ptr_null(strmap_get(&web->environment, "N"));
        ck_assert_uint_eq(web->environment.count, 3);
        ck_assert_str_eq(web->volumes[1].source, "/nowhere/proj/s");
        ck_assert_str_eq(web->command[1], "b c");
        ck_assert_int_eq(web->mem_limit, 64 << 20);
        ck_assert_int_eq(*web->stop_grace_period / 1000000000, 90);
        ck_assert_str_eq(compose_project_volume(p, "data")->name, "proj_data");
        ck_assert_str_eq(web->networks[0].name, "default");
}

TEST(merging)
{
        cleanup_compose_project struct compose_project *p =
            loaded("services:\n  a: {image: x, ports: ['1:1'], command: [c], environment: {A: 1, B: 2}, dns: "
                   "[1.1.1.1]}\n"
                   "  gone: {image: x}\n",
                   "services:\n  a: {ports: !override ['2:2'], command: [d], environment: {A: !reset null}, "
                   "dns: 8.8.8.8}\n"
                   "  gone: !reset null\n");
        const struct compose_service *a = compose_project_service(p, "a");

        ck_assert_uint_eq(p->n_services, 1);
        ck_assert_uint_eq(a->n_ports, 1);
        ck_assert_str_eq(a->ports[0].published, "2");
        ck_assert_str_eq(a->command[0], "d");
        ck_assert_uint_eq(a->environment.count, 1);
        ck_assert_uint_eq(strv_length(a->dns), 2);
}

static const struct {
        const char *text, *want;
} mistakes[] = {
        { "services:\n  a:\n    image: x\n    imagee: y\n",
          "validating /nowhere/proj/compose.yaml: services.a additional properties 'imagee' not allowed\n"
          "  at /nowhere/proj/compose.yaml:4:13" },
        { "services:\n  a: {image: x, ports: ['80', '99999:80']}\n",
          "Invalid hostPort: 99999\n  at /nowhere/proj/compose.yaml:2:31: services.a.ports.[1]" },
        { "services: {a: {image: x, tty: perhaps}}\n",
          "error while interpolating services.a.tty: failed to cast to expected type: invalid boolean: "
          "perhaps\n"
          "  at /nowhere/proj/compose.yaml:1:31: services.a.tty" },
        { "services: {a: {image: x, mem_limit: lots}}\n",
          "decoding failed due to the following error(s):\n\n'services[a].mem_limit' invalid size: 'lots'\n"
          "  at /nowhere/proj/compose.yaml:1:37" },
        { "services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [a]}}\n",
          "dependency cycle detected: a -> b -> a" },
        { "services: {a: {extends: b}, b: {extends: a}}\n", NULL },
        { "services: {a: {image: x, volumes: [vol:/x]}}\n",
          "service \"a\" refers to undefined volume vol: invalid compose project" },
        { "- a\n", "top-level object must be a mapping\n  at /nowhere/proj/compose.yaml:1:1" },
        { "", "empty compose file" },
};

TEST(sentences)
{
        for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
                cleanup_error struct error err = {};
                cleanup_compose_project struct compose_project *p = NULL;

                ck_assert_int_eq(load(mistakes[i].text, NULL, &p, &err), -1);
                if (mistakes[i].want)
                        ck_assert_str_eq(error_message(&err), mistakes[i].want);
        }
}

TEST(selecting)
{
        cleanup_compose_project struct compose_project *p = loaded(
            "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x}\n  c: {image: x, profiles: [p]}\n"
            "  d: {image: x, networks: [n]}\nnetworks: {n: }\n",
            NULL);
        cleanup_error struct error err = {};
        char a[] = "a", c[] = "c", nobody[] = "nobody", *names[] = { a, c, NULL },
             *wrong[] = { nobody, NULL };

        ck_assert_uint_eq(p->n_disabled, 1);
        compose_project_enable(p, names);
        ck_assert_uint_eq(p->n_services, 4);
        ck_assert_int_eq(compose_project_select(p, wrong, COMPOSE_WITH_DEPENDENCIES, &err), -1);
        ck_assert_str_eq(error_message(&err), "no such service: nobody");
        ck_assert_int_eq(compose_project_select(p, names, COMPOSE_WITH_DEPENDENCIES, NULL), 0);
        ck_assert_uint_eq(p->n_services, 3);
        ck_assert_ptr_nonnull(compose_project_disabled(p, "d"));
        compose_project_drop_unused(p);
        ck_assert_ptr_null(compose_project_network(p, "n"));
        ck_assert_int_eq(compose_project_select(p, names, COMPOSE_WITHOUT_DEPENDENCIES, NULL), 0);
        ck_assert_uint_eq(compose_project_service(p, "a")->n_depends_on, 0);
}

/* As `docker compose config --hash` 2.40.3 says for this file. */
TEST(hashes)
{
        cleanup_compose_project struct compose_project *p =
            loaded("services:\n  a: {image: busybox, command: [\"a<b\"], scale: 2, environment: {A: 1}, "
                   "pull_policy: always}\n",
                   NULL);
        struct compose_service copy = {};
        char hash[COMPOSE_HASH_LENGTH + 1], again[COMPOSE_HASH_LENGTH + 1];

        compose_service_hash(&p->services[0], hash);
        ck_assert_str_eq(hash, "b5d02b770ef7e750de0bd35fee337531d1d87630431f4365ce8c51cd67d3a870");
        compose_service_copy(&p->services[0], &copy);
        compose_service_set_scale(&copy, 5);
        compose_service_hash(&copy, again);
        ck_assert_str_eq(hash, again);
        compose_service_deinit(&copy);
}
