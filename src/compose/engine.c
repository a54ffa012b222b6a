#include "compose/engine.h"
#include "compose/tasks.h"

#include <stdio.h>

/* ---- Telling ---- */

void compose_report(struct compose_engine *e, enum compose_event_kind kind, const char *id,
                    const char *status)
{
        struct compose_event event = { .id = id, .text = "", .status = status, .kind = kind };

        if (e->reporter.event)
                e->reporter.event(e->reporter.context, &event);
}

void compose_report_container(struct compose_engine *e, enum compose_event_kind kind, const char *name,
                              const char *status)
{
        cleanup_free char *id = string_format("Container %s", name);

        compose_report(e, kind, id, status);
}

void compose_warning(struct compose_engine *e, const char *format, ...)
{
        cleanup_strbuf struct strbuf text = {};
        va_list args;

        va_start(args, format);
        strbuf_vaddf(&text, format, args);
        va_end(args);
        if (e->reporter.warn)
                e->reporter.warn(e->reporter.context, text.data);
}

int compose_change(struct compose_engine *e, const char *method, const struct client_query *q,
                   json_object *body, json_object **ret, struct error *err)
{
        if (ret)
                *ret = NULL;
        return e->dry_run ? 0 : client_call(e->client, method, q, body, ret, NULL, err);
}

/* ---- Side by side ---- */

struct service_job {
        struct compose_engine *e;
        const struct compose_service *service;
        compose_service_function function;
        void *context;
};

static int run_service_job(void *arg, struct error *err)
{
        struct service_job *job = arg;

        return job->function(job->e, job->service, job->context, err);
}

static void add_before(struct task *task, size_t index)
{
        ARRAY_APPEND(task->after, task->n_after, index);
}

int compose_each_service(struct compose_engine *e, bool reverse, compose_service_function function,
                         void *context, struct error *err)
{
        const struct compose_project *p = e->project;
        cleanup_free struct task *tasks = xcalloc(p->n_services + 1, sizeof(*tasks));
        cleanup_free struct service_job *jobs = xcalloc(p->n_services + 1, sizeof(*jobs));

        for (size_t i = 0; i < p->n_services; i++) {
                const struct compose_service *service = &p->services[i];

                jobs[i] = (struct service_job){ e, service, function, context };
                tasks[i].run = run_service_job;
                tasks[i].arg = &jobs[i];
                for (size_t k = 0; k < service->n_depends_on; k++) {
                        const struct compose_service *other =
                            compose_project_service(p, service->depends_on[k].service);

                        if (!other)
                                continue;
                        if (reverse)
                                add_before(&tasks[other - p->services], i);
                        else
                                add_before(&tasks[i], (size_t)(other - p->services));
                }
        }
        return tasks_run(tasks, p->n_services, e->parallel, err);
}

struct container_job {
        struct compose_engine *e;
        struct compose_container *container;
        compose_container_function function;
        void *context;
};

static int run_container_job(void *arg, struct error *err)
{
        struct container_job *job = arg;

        return job->function(job->e, job->container, job->context, err);
}

int compose_each_container(struct compose_engine *e, struct compose_containers *containers,
                           compose_container_function function, void *context, struct error *err)
{
        cleanup_free struct task *tasks = xcalloc(containers->count + 1, sizeof(*tasks));
        cleanup_free struct container_job *jobs = xcalloc(containers->count + 1, sizeof(*jobs));

        for (size_t i = 0; i < containers->count; i++) {
                jobs[i] = (struct container_job){ e, containers->list[i], function, context };
                tasks[i] = (struct task){ .run = run_container_job, .arg = &jobs[i] };
        }
        return tasks_run(tasks, containers->count, e->parallel, err);
}
