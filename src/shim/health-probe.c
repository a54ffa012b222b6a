/* Running health checks: a timer, an exec whose output is caught, a timeout. */
#include "shim/shim-internal.h"

#include "base/log.h"
#include "base/time.h"

#include <signal.h>

static void probe_fire(void *data);

static int64_t running_for(const struct shim *shim)
{
        return time_monotonic() - shim->started_monotonic;
}

static void schedule(struct shim *shim)
{
        if (shim->phase == SHIM_RUNNING && !shim->paused && shim->state.health)
                loop_timer_set(&shim->loop, &shim->probe.next,
                               health_delay(&shim->config.health, shim->state.health, running_for(shim)), probe_fire,
                               shim);
}

static void take_result(struct shim *shim, int exit_code, char *output)
{
        struct health_result result = { shim->probe.started, time_now(), exit_code, output };
        int64_t ran_for = running_for(shim) - (result.end - result.start);
        bool changed = health_take(shim->state.health, &shim->config.health, &result, ran_for);

        shim_save_state(shim);
        if (changed) {
                struct shim_event event = {
                        .event = (char *)SHIM_EVENT_HEALTH,
                        .health = shim->state.health->status,
                };

                control_event(shim, &event);
        }
        schedule(shim);
}

/* What is not text would make state.json unreadable for others. */
static char *output_text(struct strbuf *output)
{
        bool cut = output->len > HEALTH_OUTPUT_MAX;

        if (cut)
                output->len = HEALTH_OUTPUT_MAX;
        for (size_t i = 0; i < output->len; i++)
                if (output->data[i] == '\0')
                        output->data[i] = '?';
        if (output->len > 0 && !utf8_valid(output->data, output->len))
                for (size_t i = 0; i < output->len; i++)
                        if (output->data[i] & 0x80)
                                output->data[i] = '?';
        if (cut)
                strbuf_adds(output, "...");
        return strbuf_take(output);
}

static void probe_ended(struct exec *exec, void *data)
{
        struct shim *shim = data;
        struct probe *probe = &shim->probe;
        int exit_code = exec->state.exit_code;
        char *output = output_text(&probe->output);

        loop_timer_cancel(&shim->loop, &probe->timeout);
        probe->exec = NULL;
        exec_free(exec);
        /* A container that is being stopped takes its probe along: that says nothing about its health. */
        if (!shim->state.health || (shim->manual && exit_code == 128 + SIGKILL)) {
                free(output);
                return;
        }
        if (probe->timed_out) {
                cleanup_free char *limit = duration_format(shim->config.health.timeout);
                char *text = *output ? string_format("Health check exceeded timeout (%s): %s", limit, output)
                                     : string_format("Health check exceeded timeout (%s)", limit);

                free(output);
                output = text;
                exit_code = -1;
        }
        take_result(shim, exit_code, output);
}

static void timeout_fire(void *data)
{
        struct shim *shim = data;

        shim->probe.timed_out = true;
        if (shim->probe.exec && shim->probe.exec->state.running)
                kill(shim->probe.exec->process.pid, SIGKILL);
}

static char **probe_command(const struct shim_config *config)
{
        char **cmd = NULL;

        if (!streq(config->health.test[0], "CMD-SHELL")) {
                strv_extend(&cmd, config->health.test + 1);
                return cmd;
        }
        if (config->health_shell && config->health_shell[0]) {
                strv_extend(&cmd, config->health_shell);
        } else {
                strv_append(&cmd, "/bin/sh");
                strv_append(&cmd, "-c");
        }
        strv_append(&cmd, config->health.test[1]);
        return cmd;
}

static void probe_fire(void *data)
{
        cleanup_error struct error failure = { 0 };
        cleanup_strv char **cmd = NULL;
        struct shim *shim = data;
        struct probe *probe = &shim->probe;
        struct shim_exec_config config = { 0 };
        struct exec *exec;

        cmd = probe_command(&shim->config);
        config.cmd = cmd;
        probe->started = time_now();
        probe->timed_out = false;
        if (exec_create(shim, "health", &config, &failure) < 0) {
                take_result(shim, -1, xstrdup(failure.message));
                return;
        }
        exec = exec_find(shim, "health");
        exec->ended = probe_ended;
        exec->data = shim;
        exec->streams.capture = &probe->output;
        exec->streams.capture_max = HEALTH_OUTPUT_MAX + 1;
        if (exec_start(exec, -1, NULL, NULL, &failure) < 0) {
                exec_free(exec);
                strbuf_deinit(&probe->output);
                take_result(shim, -1, xstrdup(failure.message));
                return;
        }
        probe->exec = exec;
        loop_timer_set(&shim->loop, &probe->timeout, shim->config.health.timeout, timeout_fire, shim);
}

void probe_begin(struct shim *shim)
{
        schedule(shim);
}

void probe_end(struct shim *shim)
{
        struct probe *probe = &shim->probe;

        loop_timer_cancel(&shim->loop, &probe->next);
        loop_timer_cancel(&shim->loop, &probe->timeout);
        if (probe->exec)
                exec_free(take_ptr(probe->exec));
        strbuf_deinit(&probe->output);
}
