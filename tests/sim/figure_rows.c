/* SPDX-License-Identifier: MIT
 * figure_rows.c - the table of figures.h. */

#include "figures.h"

#include "base/err.h"

#define ROW_VALUE(name, row, expression)                      \
	static double name(const struct sim_result *result)   \
	{                                                     \
		const struct sim_row *r = &result->rows[row]; \
                                                              \
		return expression;                            \
	}
#define RESULT_VALUE(name, expression)                      \
	static double name(const struct sim_result *result) \
	{                                                   \
		return expression;                          \
	}

ROW_VALUE(steady_delivery, ROW_STEADY, sim_ratio(r->delivered, r->expected))
ROW_VALUE(steady_rmr, ROW_STEADY, r->rmr)
ROW_VALUE(steady_p50, ROW_STEADY, r->p50_ms)
ROW_VALUE(steady_p99, ROW_STEADY, r->p99_ms)
ROW_VALUE(steady_last, ROW_STEADY, r->last_mean_ms)
ROW_VALUE(steady_ldh, ROW_STEADY, r->ldh_mean)
ROW_VALUE(steady_disorder, ROW_STEADY, r->out_of_order)
ROW_VALUE(steady_payload, ROW_STEADY, r->bytes[CLASS_DATA])
ROW_VALUE(steady_control, ROW_STEADY, r->bytes[CLASS_CONTROL])
ROW_VALUE(event_delivery, ROW_EVENT, sim_ratio(r->delivered, r->expected))
ROW_VALUE(event_soon, ROW_EVENT, sim_ratio(r->soon, r->expected))
ROW_VALUE(event_missing, ROW_EVENT, (double)r->missing)
ROW_VALUE(healed_delivery, ROW_HEALED, sim_ratio(r->delivered, r->expected))
RESULT_VALUE(duplicates, (double)result->duplicates)
RESULT_VALUE(idle, result->idle_bps)
RESULT_VALUE(
    stretch, result->flood_p99_ms > 0
                 ? result->rows[ROW_STEADY].p99_ms / result->flood_p99_ms
                 : 0)
RESULT_VALUE(whole, result->whole_s < 0 ? 1e9 : result->whole_s)
RESULT_VALUE(joined, result->joined_s < 0 ? 1e9 : result->joined_s)
RESULT_VALUE(links_min, result->links_min)
RESULT_VALUE(links_max, result->links_max)

/* Switch a row on when the protocol does what it takes. */
#define ON  true
#define OFF false

/* clang-format off */
const struct figure_run figure_runs[] = {
	{ "--nodes 100 --senders 1 --rate 5", false, {
		{ ON, "G1", "delivered", steady_delivery, '>', 1 },
		{ ON, "G1", "twice at a plugin", duplicates, '<', 0 },
		{ ON, "G2", "RMR, 1 sender", steady_rmr, '<', 0.01 },
		{ ON, "G3", "p99 as a multiple of flooding",
		    stretch, '<', 1.1 },
		{ ON, "G6", "payload bytes", steady_payload, '<', 300 },
		{ ON, "G6", "control bytes", steady_control, '<', 190 },
		{ ON, "G7", "idle B/s", idle, '<', 150 },
	} },
	{ "--nodes 100 --senders 10 --rate 1", false, {
		{ ON, "G1", "delivered", steady_delivery, '>', 1 },
		{ ON, "G1", "twice at a plugin", duplicates, '<', 0 },
		{ ON, "G2", "RMR, 10 senders", steady_rmr, '<', 0.02 },
		{ OFF, "G3", "p99 as a multiple of flooding",
		    stretch, '<', 1.1 },
		{ ON, "G6", "payload bytes", steady_payload, '<', 300 },
		{ ON, "G6", "control bytes", steady_control, '<', 190 },
		{ ON, "G7", "idle B/s", idle, '<', 150 },
	} },
	{ "--nodes 1000 --senders 1 --rate 5", false, {
		{ ON, "G1", "delivered", steady_delivery, '>', 1 },
		{ ON, "G1", "twice at a plugin", duplicates, '<', 0 },
		{ ON, "G2", "RMR, 1 sender", steady_rmr, '<', 0.01 },
		{ ON, "G3", "p99 as a multiple of flooding",
		    stretch, '<', 1.1 },
		{ ON, "G4", "p50 ms", steady_p50, '<', 75 },
		{ ON, "G4", "p99 ms", steady_p99, '<', 120 },
		{ ON, "G4", "last node, mean ms", steady_last, '<', 150 },
		{ ON, "G5", "LDH", steady_ldh, '<', 16 },
		{ ON, "G6", "payload bytes", steady_payload, '<', 300 },
		{ ON, "G6", "control bytes", steady_control, '<', 190 },
		{ ON, "G7", "idle B/s", idle, '<', 150 },
	} },
	{ "--nodes 1000 --senders 10 --rate 1", false, {
		{ ON, "G1", "delivered", steady_delivery, '>', 1 },
		{ ON, "G1", "twice at a plugin", duplicates, '<', 0 },
		{ ON, "G2", "RMR, 10 senders", steady_rmr, '<', 0.02 },
		{ OFF, "G3", "p99 as a multiple of flooding",
		    stretch, '<', 1.1 },
		{ ON, "G4", "p50 ms", steady_p50, '<', 75 },
		{ ON, "G4", "p99 ms", steady_p99, '<', 120 },
		{ ON, "G4", "last node, mean ms", steady_last, '<', 150 },
		{ ON, "G5", "LDH", steady_ldh, '<', 16 },
		{ ON, "G6", "payload bytes", steady_payload, '<', 300 },
		{ ON, "G6", "control bytes", steady_control, '<', 190 },
		{ ON, "G7", "idle B/s", idle, '<', 150 },
	} },
	{ "--nodes 1000 --senders 500 --rate 0.1", false, {
		{ ON, "G1", "delivered, 500 rare senders",
		    steady_delivery, '>', 1 },
		{ OFF, "G2", "RMR, 500 rare senders", steady_rmr, '<', 0.25 },
	} },
	{ "--nodes 1000 --rate 100 --steady 5 --duration 1", false, {
		{ ON, "G6", "control bytes at 100 msg/s",
		    steady_control, '<', 65 },
	} },
	{ "--nodes 100 --rate 500 --steady 10 --duration 1", false, {
		{ ON, "G6", "control bytes at 500 msg/s",
		    steady_control, '<', 16 },
	} },
	{ "--nodes 10 --senders 0", false, {
		{ ON, "G7", "idle B/s, 10 nodes", idle, '<', 190 },
	} },
	{ "--nodes 1000 --senders 0 --presence", false, {
		{ OFF, "G7b", "idle B/s with presence", idle, '<', 300 },
	} },
	{ "--nodes 100 --senders 10 --rate 1 --crash 10", false, {
		{ ON, "G8", "10 % crash: delivered", event_delivery, '>', 1 },
		{ ON, "G8", "within 1 s", event_soon, '>', 0.9999 },
		{ ON, "G8", "whole after s", whole, '<', 1 },
		{ ON, "G8", "afterwards", healed_delivery, '>', 1 },
	} },
	{ "--nodes 100 --senders 10 --rate 1 --crash 30", false, {
		{ ON, "G8", "30 % crash: delivered", event_delivery, '>', 1 },
		{ ON, "G8", "within 1 s", event_soon, '>', 0.9999 },
		{ ON, "G8", "whole after s", whole, '<', 1 },
		{ ON, "G8", "afterwards", healed_delivery, '>', 1 },
	} },
	{ "--nodes 100 --senders 10 --rate 1 --crash 50", false, {
		{ ON, "G8", "50 % crash: delivered", event_delivery, '>', 1 },
		{ ON, "G8", "within 1 s", event_soon, '>', 0.9999 },
		{ ON, "G8", "whole after s", whole, '<', 1 },
		{ ON, "G8", "afterwards", healed_delivery, '>', 1 },
	} },
	{ "--nodes 100 --senders 10 --rate 1 --crash 30 --silent", false, {
		{ ON, "G9", "30 % vanish: delivered", event_delivery, '>', 1 },
		{ ON, "G9", "within 1 s, one seed", event_soon, '>', 0.95 },
		{ ON, "G9", "whole after s", whole, '<', 12 },
	} },
	{ "--nodes 100 --senders 10 --rate 1 --crash 50 --silent", false, {
		{ ON, "G9", "50 % vanish: delivered", event_delivery, '>', 1 },
		{ ON, "G9", "within 1 s, one seed", event_soon, '>', 0.95 },
		{ ON, "G9", "whole after s", whole, '<', 12 },
	} },
	{ "--nodes 100 --senders 10 --rate 1 --crash 80", false, {
		{ ON, "G10", "80 % crash: delivered", event_delivery, '>', 1 },
		{ ON, "G10", "whole after s", whole, '<', 2 },
	} },
	{ "--nodes 100 --senders 10 --rate 1 --partition 30", false, {
		{ ON, "G11", "30 s cut: delivered", event_delivery, '>', 1 },
		{ ON, "G11", "one component after s", whole, '<', 5 },
	} },
	{ "--nodes 1000 --senders 10 --rate 1 --crash 10", false, {
		{ ON, "G8", "10 % crash: delivered", event_delivery, '>', 1 },
		{ ON, "G8", "within 1 s", event_soon, '>', 0.9999 },
		{ ON, "G8", "whole after s", whole, '<', 1 },
		{ ON, "G8", "afterwards", healed_delivery, '>', 1 },
	} },
	{ "--nodes 1000 --senders 10 --rate 1 --crash 30", false, {
		{ ON, "G8", "30 % crash: delivered", event_delivery, '>', 1 },
		{ ON, "G8", "within 1 s", event_soon, '>', 0.9999 },
		{ ON, "G8", "whole after s", whole, '<', 1 },
		{ ON, "G8", "afterwards", healed_delivery, '>', 1 },
	} },
	{ "--nodes 1000 --senders 10 --rate 1 --crash 50", false, {
		{ ON, "G8", "50 % crash: delivered", event_delivery, '>', 1 },
		{ ON, "G8", "within 1 s", event_soon, '>', 0.9999 },
		{ ON, "G8", "whole after s", whole, '<', 1 },
		{ ON, "G8", "afterwards", healed_delivery, '>', 1 },
	} },
	{ "--nodes 1000 --senders 10 --rate 1 --crash 30 --silent", false, {
		{ ON, "G9", "30 % vanish: delivered", event_delivery, '>', 1 },
		{ ON, "G9", "within 1 s, one seed", event_soon, '>', 0.95 },
		{ ON, "G9", "whole after s", whole, '<', 12 },
	} },
	{ "--nodes 1000 --senders 10 --rate 1 --crash 50 --silent", false, {
		{ ON, "G9", "50 % vanish: delivered", event_delivery, '>', 1 },
		{ ON, "G9", "within 1 s, one seed", event_soon, '>', 0.95 },
		{ OFF, "G9", "whole after s", whole, '<', 12 },
	} },
	{ "--nodes 1000 --senders 10 --rate 1 --crash 80", false, {
		{ ON, "G10", "80 % crash: delivered", event_delivery, '>', 1 },
		{ ON, "G10", "whole after s", whole, '<', 2 },
	} },
	{ "--nodes 1000 --senders 10 --rate 1 --partition 30", false, {
		{ ON, "G11", "30 s cut: delivered", event_delivery, '>', 1 },
		{ ON, "G11", "one component after s", whole, '<', 5 },
	} },
	{ "--nodes 100 --rate 0.5 --partition 300", false, {
		{ ON, "G12", "5 min cut: one component after s",
		    whole, '<', 10 },
		{ ON, "G12", "neither delivered nor a gap",
		    event_missing, '<', 0 },
	} },
	{ "--nodes 100 --rate 0.5 --partition 1200", false, {
		{ ON, "G12", "20 min cut: one component after s",
		    whole, '<', 10 },
		{ ON, "G12", "neither delivered nor a gap",
		    event_missing, '<', 0 },
	} },
	{ "--nodes 1000 --join 2 --settle 12 --steady 5 --duration 1", false, {
		{ ON, "G13", "1000 joins in 2 s: one component at s",
		    joined, '<', 12 },
		{ ON, "G13", "links, least", links_min, '>', 4 },
		{ ON, "G13", "links, most", links_max, '<', 10 },
		{ ON, "G13", "delivered", steady_delivery, '>', 1 },
	} },
	{ "--nodes 100 --rate 500 --jitter 20 --duration 1", false, {
		{ ON, "G14", "500 msg/s, jitter: RMR", steady_rmr, '<', 0.03 },
		{ ON, "G14", "out of order", steady_disorder, '<', 0.005 },
		{ ON, "G14", "p99 ms", steady_p99, '<', 150 },
	} },
	{ "--nodes 100 --payload 65536 --duration 1", false, {
		{ ON, "G15", "64 KiB: RMR", steady_rmr, '<', 0.01 },
		{ ON, "G15", "p99 ms", steady_p99, '<', 130 },
	} },
	{ "--nodes 10000 --senders 10 --rate 1", true, {
		{ ON, "G1", "delivered", steady_delivery, '>', 1 },
		{ ON, "G2", "RMR", steady_rmr, '<', 0.02 },
		{ OFF, "G3", "p99 as a multiple of flooding",
		    stretch, '<', 1.1 },
		{ ON, "G4", "p50 ms", steady_p50, '<', 95 },
		{ ON, "G4", "p99 ms", steady_p99, '<', 145 },
		{ ON, "G4", "last node, mean ms", steady_last, '<', 220 },
		{ ON, "G5", "LDH", steady_ldh, '<', 22 },
		{ ON, "G6", "payload bytes", steady_payload, '<', 300 },
		{ ON, "G6", "control bytes", steady_control, '<', 190 },
		{ ON, "G7", "idle B/s", idle, '<', 150 },
	} },
	{ "--nodes 10000 --rate 5 --crash 50", true, {
		{ OFF, "G8", "50 % crash: delivered", event_delivery, '>', 1 },
		{ OFF, "G8", "within 1 s", event_soon, '>', 0.9999 },
		{ OFF, "G8", "whole after s", whole, '<', 1 },
	} },
	{ "--nodes 10000 --rate 5 --crash 50 --silent", true, {
		{ OFF, "G9", "50 % vanish: delivered", event_delivery, '>', 1 },
		{ OFF, "G9", "within 1 s, one seed", event_soon, '>', 0.95 },
		{ OFF, "G9", "whole after s", whole, '<', 12 },
	} },
	{ "--nodes 10000 --rate 5 --partition 30", true, {
		{ OFF, "G11", "30 s cut: delivered", event_delivery, '>', 1 },
		{ OFF, "G11", "one component after s", whole, '<', 5 },
	} },
};
/* clang-format on */
const size_t figure_run_count = ARRAY_LEN(figure_runs);
