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

/* clang-format off */
const struct figure_run figure_runs[] = {
	{ "--nodes 100 --senders 1 --rate 5", 1, false, {
		{ "G1", "delivered", steady_delivery, '>', 1 },
		{ "G1", "twice at a plugin", duplicates, '<', 0 },
		{ "G2", "RMR, 1 sender", steady_rmr, '<', 0.01 },
		{ "G3", "p99 as a multiple of flooding",
		    stretch, '<', 1.1 },
		{ "G6", "payload bytes", steady_payload, '<', 300 },
		{ "G6", "control bytes", steady_control, '<', 190 },
		{ "G7", "idle B/s", idle, '<', 150 },
	} },
	{ "--nodes 100 --senders 10 --rate 1", 1, false, {
		{ "G1", "delivered", steady_delivery, '>', 1 },
		{ "G1", "twice at a plugin", duplicates, '<', 0 },
		{ "G2", "RMR, 10 senders", steady_rmr, '<', 0.02 },
		{ "G3", "p99 as a multiple of flooding",
		    stretch, '<', 1.1 },
		{ "G6", "payload bytes", steady_payload, '<', 300 },
		{ "G6", "control bytes", steady_control, '<', 190 },
		{ "G7", "idle B/s", idle, '<', 150 },
	} },
	{ "--nodes 1000 --senders 1 --rate 5", 1, false, {
		{ "G1", "delivered", steady_delivery, '>', 1 },
		{ "G1", "twice at a plugin", duplicates, '<', 0 },
		{ "G2", "RMR, 1 sender", steady_rmr, '<', 0.01 },
		{ "G3", "p99 as a multiple of flooding",
		    stretch, '<', 1.1 },
		{ "G4", "p50 ms", steady_p50, '<', 75 },
		{ "G4", "p99 ms", steady_p99, '<', 120 },
		{ "G4", "last node, mean ms", steady_last, '<', 150 },
		{ "G5", "LDH", steady_ldh, '<', 16 },
		{ "G6", "payload bytes", steady_payload, '<', 300 },
		{ "G6", "control bytes", steady_control, '<', 190 },
		{ "G7", "idle B/s", idle, '<', 150 },
	} },
	{ "--nodes 1000 --senders 10 --rate 1", 1, false, {
		{ "G1", "delivered", steady_delivery, '>', 1 },
		{ "G1", "twice at a plugin", duplicates, '<', 0 },
		{ "G2", "RMR, 10 senders", steady_rmr, '<', 0.02 },
		{ "G3", "p99 as a multiple of flooding",
		    stretch, '<', 1.1 },
		{ "G4", "p50 ms", steady_p50, '<', 75 },
		{ "G4", "p99 ms", steady_p99, '<', 120 },
		{ "G4", "last node, mean ms", steady_last, '<', 150 },
		{ "G5", "LDH", steady_ldh, '<', 16 },
		{ "G6", "payload bytes", steady_payload, '<', 300 },
		{ "G6", "control bytes", steady_control, '<', 190 },
		{ "G7", "idle B/s", idle, '<', 150 },
	} },
	{ "--nodes 1000 --senders 500 --rate 0.1", 1, false, {
		{ "G1", "delivered, 500 rare senders",
		    steady_delivery, '>', 1 },
		{ "G2", "RMR, 500 rare senders", steady_rmr, '<', 0.25 },
	} },
	{ "--nodes 1000 --rate 100 --steady 5 --duration 1", 1, false, {
		{ "G6", "control bytes at 100 msg/s",
		    steady_control, '<', 65 },
	} },
	{ "--nodes 100 --rate 500 --steady 10 --duration 1", 1, false, {
		{ "G6", "control bytes at 500 msg/s",
		    steady_control, '<', 16 },
	} },
	{ "--nodes 1000 --rate 500 --steady 10 --duration 1", 1, true, {
		{ "G6", "control bytes at 500 msg/s",
		    steady_control, '<', 16 },
	} },
	{ "--nodes 10 --senders 0", 1, false, {
		{ "G7", "idle B/s, 10 nodes", idle, '<', 190 },
	} },
	{ "--nodes 100 --senders 0 --presence --settle 2000", 1, false, {
		{ "G7b", "idle B/s with presence", idle, '<', 300 },
	} },
	{ "--nodes 300 --senders 0 --presence --settle 2000", 1, false, {
		{ "G7b", "idle B/s with presence", idle, '<', 300 },
	} },
	{ "--nodes 1000 --senders 0 --presence --settle 4000", 1, true, {
		{ "G7b", "idle B/s with presence", idle, '<', 300 },
	} },
	{ "--nodes 100 --senders 10 --rate 1 --crash 10", 1, false, {
		{ "G8", "10 % crash: delivered", event_delivery, '>', 1 },
		{ "G8", "within 1 s", event_soon, '>', 0.9999 },
		{ "G8", "whole after s", whole, '<', 1 },
		{ "G8", "afterwards", healed_delivery, '>', 1 },
	} },
	{ "--nodes 100 --senders 10 --rate 1 --crash 30", 1, false, {
		{ "G8", "30 % crash: delivered", event_delivery, '>', 1 },
		{ "G8", "within 1 s", event_soon, '>', 0.9999 },
		{ "G8", "whole after s", whole, '<', 1 },
		{ "G8", "afterwards", healed_delivery, '>', 1 },
	} },
	{ "--nodes 100 --senders 10 --rate 1 --crash 50", 1, false, {
		{ "G8", "50 % crash: delivered", event_delivery, '>', 1 },
		{ "G8", "within 1 s", event_soon, '>', 0.9999 },
		{ "G8", "whole after s", whole, '<', 1 },
		{ "G8", "afterwards", healed_delivery, '>', 1 },
	} },
	{ "--nodes 100 --senders 10 --rate 1 --crash 30 --silent", 5, false, {
		{ "G9", "30 % vanish: delivered", event_delivery, '>', 1 },
		{ "G9", "within 1 s, mean", event_soon, '~', 0.98 },
		{ "G9", "within 1 s, worst seed", event_soon, '>', 0.95 },
		{ "G9", "whole after s", whole, '<', 12 },
	} },
	{ "--nodes 100 --senders 10 --rate 1 --crash 50 --silent", 5, false, {
		{ "G9", "50 % vanish: delivered", event_delivery, '>', 1 },
		{ "G9", "within 1 s, mean", event_soon, '~', 0.98 },
		{ "G9", "within 1 s, worst seed", event_soon, '>', 0.95 },
		{ "G9", "whole after s", whole, '<', 12 },
	} },
	{ "--nodes 100 --senders 10 --rate 1 --crash 80", 1, false, {
		{ "G10", "80 % crash: delivered", event_delivery, '>', 1 },
		{ "G10", "whole after s", whole, '<', 2 },
	} },
	{ "--nodes 100 --senders 10 --rate 1 --partition 30", 1, false, {
		{ "G11", "30 s cut: delivered", event_delivery, '>', 1 },
		{ "G11", "one component after s", whole, '<', 5 },
	} },
	{ "--nodes 1000 --senders 10 --rate 1 --crash 10", 1, false, {
		{ "G8", "10 % crash: delivered", event_delivery, '>', 1 },
		{ "G8", "within 1 s", event_soon, '>', 0.9999 },
		{ "G8", "whole after s", whole, '<', 1 },
		{ "G8", "afterwards", healed_delivery, '>', 1 },
	} },
	{ "--nodes 1000 --senders 10 --rate 1 --crash 30", 1, false, {
		{ "G8", "30 % crash: delivered", event_delivery, '>', 1 },
		{ "G8", "within 1 s", event_soon, '>', 0.9999 },
		{ "G8", "whole after s", whole, '<', 1 },
		{ "G8", "afterwards", healed_delivery, '>', 1 },
	} },
	{ "--nodes 1000 --senders 10 --rate 1 --crash 50", 1, false, {
		{ "G8", "50 % crash: delivered", event_delivery, '>', 1 },
		{ "G8", "within 1 s", event_soon, '>', 0.9999 },
		{ "G8", "whole after s", whole, '<', 1 },
		{ "G8", "afterwards", healed_delivery, '>', 1 },
	} },
	{ "--nodes 1000 --senders 10 --rate 1 --crash 30 --silent", 5, false, {
		{ "G9", "30 % vanish: delivered", event_delivery, '>', 1 },
		{ "G9", "within 1 s, mean", event_soon, '~', 0.98 },
		{ "G9", "within 1 s, worst seed", event_soon, '>', 0.95 },
		{ "G9", "whole after s", whole, '<', 12 },
	} },
	{ "--nodes 1000 --senders 10 --rate 1 --crash 50 --silent", 5, false, {
		{ "G9", "50 % vanish: delivered", event_delivery, '>', 1 },
		{ "G9", "within 1 s, mean", event_soon, '~', 0.98 },
		{ "G9", "within 1 s, worst seed", event_soon, '>', 0.95 },
		{ "G9", "whole after s", whole, '<', 12 },
	} },
	{ "--nodes 1000 --senders 10 --rate 1 --crash 80", 1, false, {
		{ "G10", "80 % crash: delivered", event_delivery, '>', 1 },
		{ "G10", "whole after s", whole, '<', 2 },
	} },
	{ "--nodes 1000 --senders 10 --rate 1 --partition 30", 1, false, {
		{ "G11", "30 s cut: delivered", event_delivery, '>', 1 },
		{ "G11", "one component after s", whole, '<', 5 },
	} },
	{ "--nodes 100 --rate 0.5 --partition 300", 1, false, {
		{ "G12", "5 min cut: one component after s",
		    whole, '<', 10 },
		{ "G12", "neither delivered nor a gap",
		    event_missing, '<', 0 },
	} },
	{ "--nodes 100 --rate 0.5 --partition 1200", 1, false, {
		{ "G12", "20 min cut: one component after s",
		    whole, '<', 10 },
		{ "G12", "neither delivered nor a gap",
		    event_missing, '<', 0 },
	} },
	{ "--nodes 1000 --rate 0.5 --partition 300", 1, false, {
		{ "G12", "5 min cut: one component after s",
		    whole, '<', 10 },
		{ "G12", "neither delivered nor a gap",
		    event_missing, '<', 0 },
	} },
	{ "--nodes 1000 --rate 0.5 --partition 1200", 1, false, {
		{ "G12", "20 min cut: one component after s",
		    whole, '<', 10 },
		{ "G12", "neither delivered nor a gap",
		    event_missing, '<', 0 },
	} },
	{ "--nodes 1000 --join 2 --settle 12 --steady 5 --duration 1", 1, false, {
		{ "G13", "1000 joins in 2 s: one component at s",
		    joined, '<', 12 },
		{ "G13", "links, least", links_min, '>', 4 },
		{ "G13", "links, most", links_max, '<', 10 },
		{ "G13", "delivered", steady_delivery, '>', 1 },
	} },
	{ "--nodes 100 --rate 500 --jitter 20 --duration 1", 1, false, {
		{ "G14", "500 msg/s, jitter: RMR", steady_rmr, '<', 0.03 },
		{ "G14", "out of order", steady_disorder, '<', 0.005 },
		{ "G14", "p99 ms", steady_p99, '<', 150 },
	} },
	{ "--nodes 100 --payload 65536 --duration 1", 1, false, {
		{ "G15", "64 KiB: RMR", steady_rmr, '<', 0.01 },
		{ "G15", "p99 ms", steady_p99, '<', 130 },
	} },
	{ "--nodes 10000 --senders 10 --rate 1 --duration 1", 1, true, {
		{ "G1", "delivered", steady_delivery, '>', 1 },
		{ "G1", "twice at a plugin", duplicates, '<', 0 },
		{ "G2", "RMR, 10 senders", steady_rmr, '<', 0.02 },
		{ "G3", "p99 as a multiple of flooding",
		    stretch, '<', 1.1 },
		{ "G4", "p50 ms", steady_p50, '<', 95 },
		{ "G4", "p99 ms", steady_p99, '<', 145 },
		{ "G4", "last node, mean ms", steady_last, '<', 220 },
		{ "G5", "LDH", steady_ldh, '<', 22 },
		{ "G6", "payload bytes", steady_payload, '<', 300 },
		{ "G6", "control bytes", steady_control, '<', 190 },
		{ "G7", "idle B/s", idle, '<', 150 },
	} },
	{ "--nodes 10000 --rate 5 --crash 10", 1, true, {
		{ "G1", "delivered", steady_delivery, '>', 1 },
		{ "G1", "twice at a plugin", duplicates, '<', 0 },
		{ "G2", "RMR, 1 sender", steady_rmr, '<', 0.01 },
		{ "G3", "p99 as a multiple of flooding",
		    stretch, '<', 1.1 },
		{ "G4", "p99 ms", steady_p99, '<', 145 },
		{ "G4", "last node, mean ms", steady_last, '<', 220 },
		{ "G6", "payload bytes", steady_payload, '<', 300 },
		{ "G6", "control bytes", steady_control, '<', 190 },
		{ "G7", "idle B/s", idle, '<', 150 },
		{ "G8", "10 % crash: delivered", event_delivery, '>', 1 },
		{ "G8", "within 1 s", event_soon, '>', 0.9999 },
		{ "G8", "whole after s", whole, '<', 1 },
		{ "G8", "afterwards", healed_delivery, '>', 1 },
	} },
	{ "--nodes 10000 --rate 5 --crash 30", 1, true, {
		{ "G8", "30 % crash: delivered", event_delivery, '>', 1 },
		{ "G8", "within 1 s", event_soon, '>', 0.9999 },
		{ "G8", "whole after s", whole, '<', 1 },
		{ "G8", "afterwards", healed_delivery, '>', 1 },
	} },
	{ "--nodes 10000 --rate 5 --crash 50", 1, true, {
		{ "G8", "50 % crash: delivered", event_delivery, '>', 1 },
		{ "G8", "within 1 s", event_soon, '>', 0.9999 },
		{ "G8", "whole after s", whole, '<', 1 },
		{ "G8", "afterwards", healed_delivery, '>', 1 },
	} },
	{ "--nodes 10000 --rate 5 --crash 30 --silent", 1, true, {
		{ "G9", "30 % vanish: delivered", event_delivery, '>', 1 },
		{ "G9", "within 1 s, one seed", event_soon, '>', 0.95 },
		{ "G9", "whole after s", whole, '<', 12 },
	} },
	{ "--nodes 10000 --rate 5 --crash 50 --silent", 1, true, {
		{ "G9", "50 % vanish: delivered", event_delivery, '>', 1 },
		{ "G9", "within 1 s, one seed", event_soon, '>', 0.95 },
		{ "G9", "whole after s", whole, '<', 12 },
	} },
	{ "--nodes 10000 --rate 5 --crash 80", 1, true, {
		{ "G10", "80 % crash: delivered", event_delivery, '>', 1 },
		{ "G10", "whole after s", whole, '<', 2 },
	} },
	{ "--nodes 10000 --rate 5 --partition 30", 1, true, {
		{ "G11", "30 s cut: delivered", event_delivery, '>', 1 },
		{ "G11", "one component after s", whole, '<', 5 },
	} },
	{ "--nodes 10000 --rate 0.5 --partition 300", 1, true, {
		{ "G12", "5 min cut: one component after s",
		    whole, '<', 10 },
		{ "G12", "neither delivered nor a gap",
		    event_missing, '<', 0 },
	} },
	{ "--nodes 10000 --rate 0.5 --partition 1200", 1, true, {
		{ "G12", "20 min cut: one component after s",
		    whole, '<', 10 },
		{ "G12", "neither delivered nor a gap",
		    event_missing, '<', 0 },
	} },
	{ "--nodes 10000 --rate 100 --steady 5 --duration 1", 1, true, {
		{ "G1", "delivered", steady_delivery, '>', 1 },
		{ "G1", "twice at a plugin", duplicates, '<', 0 },
		{ "G6", "payload bytes", steady_payload, '<', 300 },
		{ "G6", "control bytes at 100 msg/s",
		    steady_control, '<', 65 },
	} },
};
/* clang-format on */
const size_t figure_run_count = ARRAY_LEN(figure_runs);
