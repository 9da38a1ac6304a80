#ifndef OIAB_PLUGIN_H
#define OIAB_PLUGIN_H
/**
 * @file  The C ABI of handlers in shared libraries. For plugin authors, in any language that can export C functions.
 * C++ authors find a wrapper in oiab/plugin.hpp.
 *
 * A plugin exports two functions:
 *
 *     uint32_t oiab_plugin_abi(void);    returns OIAB_PLUGIN_ABI
 *     int oiab_plugin_handle(const oiab_job *job, const oiab_api *api, oiab_outcome *outcome);
 *
 * oiab_plugin_handle runs one attempt and may block. It is called from several threads at once, for different jobs. It
 * fills the outcome and returns 0; any other return value is a retry. Whatever it is handed lives until it returns.
 * Nothing may be thrown through it.
 *
 * A plugin runs inside of the daemon's process: one that crashes takes the daemon with it, and one that never returns
 * keeps it from stopping. Code that is not trusted that far is better an executable.
 *
 * All strings are UTF-8 and end with NUL. Structs begin with their size; within one ABI version members are only added
 * at the end, so a plugin that uses members beyond those of its own header must look at the size first.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OIAB_PLUGIN_ABI 1u

typedef struct oiab_job {
    size_t size;
    const char* id; /**< UUID; also the key for idempotent effects: the same in every attempt */
    const char* kind;
    const char* payload;    /**< JSON text */
    const char* tenant_id;  /**< UUID, or NULL */
    const char* user_id;    /**< UUID, or NULL */
    const char* serial_key; /**< or NULL */
    const char* dedupe_key; /**< or NULL */
    int32_t attempt;        /**< 1 for the first */
    int32_t max_attempts;
    int64_t timeout_ms; /**< until this attempt is cancelled; -1 for never */
} oiab_job;

/** What the plugin's functions answer. */
#define OIAB_OK 0
#define OIAB_INVALID 1    /**< an argument is malformed; nothing was done */
#define OIAB_LEASE_LOST 2 /**< the attempt is no longer ours: stop, nothing that is returned counts any more */
#define OIAB_ERROR 3      /**< it could not be done (database trouble); the attempt may go on or ask for a retry */

#define OIAB_LOG_DEBUG 0
#define OIAB_LOG_INFO 1
#define OIAB_LOG_WARNING 2
#define OIAB_LOG_ERROR 3

/** A job to enqueue. Zero and NULL mean the default; tenant and user are those of the job at hand. */
typedef struct oiab_new_job {
    size_t size;
    const char* kind;
    const char* payload; /**< JSON text, or NULL for {} */
    const char* dedupe_key;
    const char* serial_key;
    int64_t delay_ms;
    int32_t max_attempts;
    int32_t priority;
    int32_t timeout_seconds;
} oiab_new_job;

typedef struct oiab_outcome oiab_outcome;

/** What the daemon does for a plugin. Each function takes `context` first, may be called from the thread that runs
 *  oiab_plugin_handle, and not after it has returned. */
typedef struct oiab_api {
    size_t size;
    void* context;
    /** Whether the attempt is to end: 0, or non-zero once it is. To be asked now and then by whoever works long. */
    int (*cancelled)(void* context);
    /** Writes a log line with the job's id, kind and attempt. */
    void (*log)(void* context, int level, const char* message);
    /** Stores a JSON value for whoever looks at the job. */
    int (*progress)(void* context, const char* json);
    /** Tells that work goes on, where there is nothing to report. */
    void (*heartbeat)(void* context);
    /** Enqueues while the attempt is ours. An attempt that is retried enqueues again, unless a dedupe key prevents it.
     *  @param id  where not NULL, gets the UUID of the new job, or of the pending one with the same dedupe key */
    int (*enqueue)(void* context, const oiab_new_job* job, char id[37]);
    /** Sets the outcome's text: the result as JSON, or the error. Copied. */
    int (*set_text)(oiab_outcome* outcome, const char* text);
} oiab_api;

#define OIAB_COMPLETED 0       /**< done; the text is the result as JSON, or none */
#define OIAB_RETRY 1           /**< try again after after_ms, or by the kind's backoff where that is negative */
#define OIAB_FAILED 2          /**< failed for good */
#define OIAB_INVALID_PAYLOAD 3 /**< failed for good, since the payload is not what the kind needs */
#define OIAB_SNOOZED 4         /**< not now and nobody's fault: again after after_ms, no attempt counted */

/** Comes as a retry by backoff; `host` is the daemon's own. */
struct oiab_outcome {
    size_t size;
    int32_t kind;
    int64_t after_ms;
    void* host;
};

/** The types of the two functions that a plugin exports. */
typedef uint32_t (*oiab_plugin_abi_function)(void);
typedef int (*oiab_plugin_handle_function)(const oiab_job* job, const oiab_api* api, oiab_outcome* outcome);

#ifdef __cplusplus
}
#endif
#endif
