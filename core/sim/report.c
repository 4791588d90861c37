/* SPDX-License-Identifier: MIT
 * report.c - see report.h. */

#include "sim/report.h"

#include <stddef.h>

enum { REPORT_NAME = 15 };

static const char *const report_rows[ROW_COUNT] = { "steady", "event",
	"healed" };

static double
report_delivery(const struct sim_row *row)
{
	return sim_ratio(row->delivered, row->expected);
}

static double
report_soon(const struct sim_row *row)
{
	return sim_ratio(row->soon, row->expected);
}

static double
report_gaps(const struct sim_row *row)
{
	return (double)row->gaps;
}

static double
report_unheard(const struct sim_row *row)
{
	return (double)row->unheard;
}

static double
report_missing(const struct sim_row *row)
{
	return (double)row->missing;
}

static double
report_messages(const struct sim_row *row)
{
	return (double)row->messages;
}

static double
report_ldh_max(const struct sim_row *row)
{
	return row->ldh_max;
}

/* One line of the table, one member of the JSON: a function or a member. */
static const struct {
	const char *name, *label;
	double (*value)(const struct sim_row *row);
	size_t offset; /* of a double in struct sim_row, without `value` */
	int digits;
} report_lines[] = {
	{ "messages", "messages", report_messages, 0, 0 },
	{ "delivery", "delivered", report_delivery, 0, 6 },
	{ "within_1s", "within 1 s", report_soon, 0, 6 },
	{ "worst", "least message", NULL, offsetof(struct sim_row, worst), 4 },
	{ "gaps", "gaps", report_gaps, 0, 0 },
	{ "unheard", "unheard", report_unheard, 0, 0 },
	{ "missing", "missing", report_missing, 0, 0 },
	{ "rmr", "RMR", NULL, offsetof(struct sim_row, rmr), 4 },
	{ "hops", "hops", NULL, offsetof(struct sim_row, hops_mean), 2 },
	{ "ldh", "LDH", NULL, offsetof(struct sim_row, ldh_mean), 2 },
	{ "ldh_max", "LDH max", report_ldh_max, 0, 0 },
	{ "p50_ms", "p50 ms", NULL, offsetof(struct sim_row, p50_ms), 0 },
	{ "p99_ms", "p99 ms", NULL, offsetof(struct sim_row, p99_ms), 0 },
	{ "last_ms", "last node ms", NULL,
	    offsetof(struct sim_row, last_mean_ms), 0 },
	{ "last_max_ms", "last max ms", NULL,
	    offsetof(struct sim_row, last_max_ms), 0 },
	{ "out_of_order", "out of order", NULL,
	    offsetof(struct sim_row, out_of_order), 5 },
	{ "payload_bytes", "payload B/msg", NULL,
	    offsetof(struct sim_row, bytes[CLASS_DATA]), 1 },
	{ "control_bytes", "control B/msg", NULL,
	    offsetof(struct sim_row, bytes[CLASS_CONTROL]), 1 },
	{ "background_bytes", "other B/msg", NULL,
	    offsetof(struct sim_row, bytes[CLASS_BACKGROUND]), 1 },
};

static double
report_value(size_t line, const struct sim_row *row)
{
	const char *base = (const char *)row;

	if (report_lines[line].value != NULL) {
		return report_lines[line].value(row);
	}
	return *(
	    const double *)(const void *)(base + report_lines[line].offset);
}

static enum err
report_table(struct buf *out, const struct sim_result *result)
{
	enum err err = buf_printf(out, "%-*s", REPORT_NAME, "");

	for (int i = 0; i < ROW_COUNT && err == ERR_OK; i++) {
		err = buf_printf(out, "%12s", report_rows[i]);
	}
	for (size_t line = 0; line < ARRAY_LEN(report_lines) && err == ERR_OK;
	     line++) {
		err = buf_printf(
		    out, "\n%-*s", REPORT_NAME, report_lines[line].label);
		for (int i = 0; i < ROW_COUNT && err == ERR_OK; i++) {
			const struct sim_row *row = &result->rows[i];

			err = row->messages == 0
			          ? buf_printf(out, "%12s", "-")
			          : buf_printf(out, "%12.*f",
			                report_lines[line].digits,
			                report_value(line, row));
		}
	}
	return err == ERR_OK ? buf_printf(out, "\n\n") : err;
}

static enum err
report_seconds(struct buf *out, const char *label, double seconds)
{
	if (seconds < 0) {
		return buf_printf(out, "%s never\n", label);
	}
	return buf_printf(out, "%s %.2f s\n", label, seconds);
}

enum err
report_text(struct buf *out, const struct sim_config *config,
    const struct sim_result *result)
{
	enum err err = report_table(out, result);

	if (err == ERR_OK) {
		err = buf_printf(out,
		    "links of a node      %.2f (%u to %u)\n"
		    "flooding would have  p99 %.0f ms\n"
		    "idle                 %.1f B/s a node\n"
		    "at the end           %u of %u nodes, %u part%s\n",
		    result->links_mean, result->links_min, result->links_max,
		    result->flood_p99_ms, result->idle_bps, result->live,
		    config->nodes, result->parts,
		    result->parts == 1 ? "" : "s");
	}
	if (err == ERR_OK) {
		err = report_seconds(
		    out, "one component after ", result->joined_s);
	}
	if (err == ERR_OK &&
	    (config->crash_percent > 0 || config->partition_s > 0)) {
		err = report_seconds(
		    out, "whole again after   ", result->whole_s);
	}
	if (err == ERR_OK) {
		err = report_seconds(
		    out, "last late message at", result->delivery_s);
	}
	if (err == ERR_OK) {
		err = buf_printf(out,
		    "twice at a plugin    %llu; after a gap %llu; gaps %llu\n"
		    "%.0f virtual s, %llu events, %.2f CPU s, %.2f M events/s\n"
		    "hash %016llx\n",
		    (unsigned long long)result->duplicates,
		    (unsigned long long)result->late,
		    (unsigned long long)result->gaps, result->virtual_s,
		    (unsigned long long)result->events, result->cpu_s,
		    result->cpu_s > 0
		        ? (double)result->events / 1e6 / result->cpu_s
		        : 0,
		    (unsigned long long)result->hash);
	}
	if (err == ERR_OK && result->violation[0] != '\0') {
		err = buf_printf(out, "VIOLATION %s\n", result->violation);
	}
	return err;
}

static enum err
report_json_rows(struct buf *out, const struct sim_result *result)
{
	enum err err = ERR_OK;

	for (int i = 0; i < ROW_COUNT && err == ERR_OK; i++) {
		err = buf_printf(
		    out, "%s\"%s\":{", i == 0 ? "" : ",", report_rows[i]);
		for (size_t line = 0;
		     line < ARRAY_LEN(report_lines) && err == ERR_OK; line++) {
			err = buf_printf(out, "%s\"%s\":%.9g",
			    line == 0 ? "" : ",", report_lines[line].name,
			    report_value(line, &result->rows[i]));
		}
		if (err == ERR_OK) {
			err = buf_printf(out, "}");
		}
	}
	return err;
}

/* The texts in here are our own: nothing has to be escaped. */
enum err
report_json(struct buf *out, const struct sim_config *config,
    const struct sim_result *result)
{
	enum err err = buf_printf(out,
	    "{\"nodes\":%u,\"senders\":%u,\"rate\":%g,\"payload\":%u,"
	    "\"seed\":%llu,\"mesh\":\"%s\",\"crash\":%u,\"silent\":%s,"
	    "\"partition_s\":%g,\"rows\":{",
	    config->nodes, config->senders, config->rate, config->payload,
	    (unsigned long long)config->seed,
	    config->is_static ? "static" : "auto", config->crash_percent,
	    config->silent ? "true" : "false", config->partition_s);

	if (err == ERR_OK) {
		err = report_json_rows(out, result);
	}
	if (err != ERR_OK) {
		return err;
	}
	return buf_printf(out,
	    "},\"live\":%u,\"parts\":%u,\"links\":{\"mean\":%.4f,\"min\":%u,"
	    "\"max\":%u},\"flood_p99_ms\":%.0f,\"idle_bps\":%.3f,\"joined_s\":%"
	    ".3f,"
	    "\"whole_s\":%.3f,\"delivery_s\":%.3f,\"duplicates\":%llu,"
	    "\"late\":%llu,\"gaps\":%llu,\"virtual_s\":%.3f,"
	    "\"events\":%llu,\"cpu_s\":%.3f,\"hash\":\"%016llx\","
	    "\"violation\":\"%s\"}\n",
	    result->live, result->parts, result->links_mean, result->links_min,
	    result->links_max, result->flood_p99_ms, result->idle_bps,
	    result->joined_s, result->whole_s, result->delivery_s,
	    (unsigned long long)result->duplicates,
	    (unsigned long long)result->late, (unsigned long long)result->gaps,
	    result->virtual_s, (unsigned long long)result->events,
	    result->cpu_s, (unsigned long long)result->hash, result->violation);
}
