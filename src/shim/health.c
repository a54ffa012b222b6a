#include "shim/health.h"

bool health_is_configured(const struct health_config *config)
{
        return config->test && config->test[0] && !streq(config->test[0], "NONE") && config->test[1];
}

void health_defaults(struct health_config *config)
{
        if (config->interval <= 0)
                config->interval = 30 * NSEC_PER_SEC;
        if (config->timeout <= 0)
                config->timeout = 30 * NSEC_PER_SEC;
        if (config->start_interval <= 0)
                config->start_interval = 5 * NSEC_PER_SEC;
        if (config->retries <= 0)
                config->retries = 3;
}

struct health_state *health_begin(void)
{
        struct health_state *health = xcalloc(1, sizeof(*health));

        health->status = xstrdup(HEALTH_STARTING);
        return health;
}

void health_end(struct health_state *health)
{
        if (!health)
                return;
        for (size_t i = 0; i < health->n_log; i++)
                free(health->log[i].output);
        free(health->log);
        free(health->status);
        free(health);
}

int64_t health_delay(const struct health_config *config, const struct health_state *health, int64_t running_for)
{
        if (running_for < config->start_period && streq(health->status, HEALTH_STARTING))
                return config->start_interval;
        return config->interval;
}

static void log_result(struct health_state *health, struct health_result *result)
{
        if (health->n_log == HEALTH_LOG_MAX) {
                free(health->log[0].output);
                memmove(health->log, health->log + 1, (HEALTH_LOG_MAX - 1) * sizeof(*health->log));
                health->n_log--;
        }
        if (!health->log)
                health->log = xcalloc(HEALTH_LOG_MAX, sizeof(*health->log));
        health->log[health->n_log++] = *result;
        result->output = NULL;
}

bool health_take(struct health_state *health, const struct health_config *config, struct health_result *result,
                 int64_t ran_for)
{
        bool starting = streq(health->status, HEALTH_STARTING);
        const char *status = health->status;

        if (result->exit_code == 0) {
                health->failing_streak = 0;
                status = HEALTH_HEALTHY;
        } else if (!starting || ran_for >= config->start_period) {
                if (++health->failing_streak >= config->retries)
                        status = HEALTH_UNHEALTHY;
        }
        log_result(health, result);
        if (streq(status, health->status))
                return false;
        replace_string(&health->status, status);
        return true;
}
