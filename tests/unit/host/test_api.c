/* SPDX-License-Identifier: MIT
 * What plugins may ask, and what they are told. */

#include "support/test.h"

#include <pthread.h>

#include "fixtures/box.h"
#include "host/private.h"
#include "support/fault.h"

/* The host table of a plugin that is loaded, as the plugin has it. */
static const struct gv_host *
begin(struct box *box)
{
	box_open(box, GV_ZOO_DIR);
	box_load(box, "twin-a");
	return &box->host->plugins[0]->api;
}

static int32_t
publish(const struct gv_host *api, const char *topic, const char *text,
    uint32_t flags)
{
	return api->publish(api, topic, text, strlen(text), flags);
}

static void
tells_about_itself_and_the_node(void **state)
{
	struct box box;
	const struct gv_host *api = begin(&box);
	const struct gv_node *node = api->node(api);

	(void)state;
	assert_int_equal(api->struct_size, sizeof(*api));
	assert_int_equal(api->abi_major, GV_ABI_MAJOR);
	assert_int_equal(api->abi_minor, GV_ABI_MINOR);
	assert_int_equal(node->struct_size, sizeof(*node));
	assert_string_equal(node->name, "edge-1");
	assert_string_equal(node->bind, "localhost:8080");
	assert_string_equal(node->version, "9.9");
	assert_int_equal(node->id[0], 0xab);
	assert_int_equal(node->max_message, 4096);
	assert_true(api->now(api) <= api->now(api));
	assert_true(api->wall_ns(api) > UINT64_C(1700000000000000000));
	assert_null(api->extension(api, "anything"));
	box_close(&box);
}

static void
shows_a_new_id_to_who_asks_again(void **state)
{
	struct box box;
	const struct gv_host *api = begin(&box);
	const struct gv_node *before = api->node(api);
	const struct nodeid id = { .bytes = { 0xcd } };

	(void)state;
	host_set_node_id(box.host, &id);
	assert_int_equal(api->node(api)->id[0], 0xcd);
	assert_string_equal(api->node(api)->name, "edge-1");
	assert_int_equal(api->node(api)->max_message, 4096);
	/* What somebody still looks at is left alone. */
	assert_int_equal(before->id[0], 0xab);
	box_close(&box);
}

static void
shows_the_last_of_any_number_of_ids(void **state)
{
	struct box box;
	const struct gv_host *api = begin(&box);
	struct nodeid id = { .bytes = { 0 } };

	(void)state;
	for (unsigned n = 1; n <= 5000; n++) {
		const struct gv_node *before = api->node(api);
		uint8_t old[16];

		memcpy(old, before->id, sizeof(old));
		id.bytes[1] = (uint8_t)(n >> 8);
		id.bytes[2] = (uint8_t)n;
		host_set_node_id(box.host, &id);
		assert_memory_equal(api->node(api)->id, id.bytes, 16);
		assert_memory_equal(before->id, old, 16);
	}
	box_close(&box);
}

static void
queues_what_is_published(void **state)
{
	struct box box;
	const struct gv_host *api = begin(&box);
	char text[] = "hello";
	struct host_request *request;
	const struct message_view *view;

	(void)state;
	assert_int_equal(publish(api, "a.b", text, GV_TEXT), GV_OK);
	text[0] = 'j'; /* it was copied */
	request = box_request(&box);
	view = &request->message->view;
	assert_int_equal(request->plugin, 0);
	assert_int_equal(request->to, 0);
	assert_string_equal(view->topic, "a.b");
	assert_memory_equal(view->payload, "hello", 5);
	assert_int_equal(view->flags, MESSAGE_TEXT);
	host_request_destroy(request);
	box_close(&box);
}

static void
marks_what_is_sent_as_a_reply(void **state)
{
	struct box box;
	const struct gv_host *api = begin(&box);
	struct host_request *request;

	(void)state;
	assert_int_equal(api->send(api, 77, NULL, 0, 0), GV_OK);
	request = box_request(&box);
	assert_int_equal(request->to, 77);
	assert_int_equal(request->message->view.flags, MESSAGE_REPLY);
	assert_string_equal(request->message->view.topic, HOST_REPLY_TOPIC);
	host_request_destroy(request);
	assert_int_equal(api->send(api, 0, "x", 1, 0), GV_EINVAL);
	box_close(&box);
}

static void
takes_only_what_the_contract_allows(void **state)
{
	struct box box;
	const struct gv_host *api = begin(&box);
	char large[4097] = "";
	char topic[300];

	(void)state;
	memset(topic, 'a', sizeof(topic));
	topic[sizeof(topic) - 1] = '\0';
	assert_int_equal(publish(api, NULL, "x", 0), GV_EINVAL);
	assert_int_equal(publish(api, "", "x", 0), GV_EINVAL);
	assert_int_equal(publish(api, "$node", "x", 0), GV_EINVAL);
	assert_int_equal(publish(api, "a..b", "x", 0), GV_EINVAL);
	assert_int_equal(publish(api, topic, "x", 0), GV_EINVAL);
	assert_int_equal(publish(api, "a", "x", GV_REPLY), GV_EINVAL);
	assert_int_equal(publish(api, "a", "x", 4), GV_EINVAL);
	assert_int_equal(publish(api, "a", "\xff", GV_TEXT), GV_EINVAL);
	assert_int_equal(api->publish(api, "a", NULL, 1, 0), GV_EINVAL);
	assert_int_equal(
	    api->publish(api, "a", large, sizeof(large), 0), GV_ETOOBIG);
	assert_null(host_take_requests(box.host));
	assert_int_equal(publish(api, "a", "\xff", 0), GV_OK);
	assert_int_equal(
	    api->publish(api, "a", large, sizeof(large) - 1, 0), GV_OK);
	box_expect_stats(&box, "\"published\":2,\"sent\":0,\"full\":0,"
	                       "\"refused\":10,");
	box_close(&box);
}

static void
takes_nothing_after_the_stop(void **state)
{
	struct box box;
	const struct gv_host *api = begin(&box);

	(void)state;
	box_start(&box);
	assert_int_equal(publish(api, "a", "x", 0), GV_OK);
	box_stop(&box);
	assert_int_equal(publish(api, "a", "x", 0), GV_ESTOPPED);
	assert_int_equal(api->send(api, 1, "x", 1, 0), GV_ESTOPPED);
	box_close(&box);
}

static void
says_when_there_is_no_memory(void **state)
{
	struct box box;
	const struct gv_host *api = begin(&box);

	(void)state;
	for (unsigned n = 1; n <= 2; n++) {
		fault_fail_nth(n);
		assert_int_equal(publish(api, "a", "x", 0), GV_ENOMEM);
		assert_true(fault_off());
	}
	fault_fail_nth(1);
	assert_int_equal(api->timer_start(api, 1, 1), GV_ENOMEM);
	assert_true(fault_off());
	assert_null(host_take_requests(box.host));
	assert_int_equal(publish(api, "a", "x", 0), GV_OK);
	box_close(&box);
}

static void
limits_timers(void **state)
{
	struct box box;
	const struct gv_host *api = begin(&box);

	(void)state;
	for (uint64_t timer = 0; timer < TIMERS_MAX; timer++) {
		assert_int_equal(
		    api->timer_start(api, timer, UINT64_MAX), GV_OK);
	}
	assert_int_equal(api->timer_start(api, 5000, 1), GV_EFULL);
	assert_int_equal(api->timer_start(api, 5, 1), GV_OK);
	assert_int_equal(api->timer_cancel(api, 5), GV_OK);
	assert_int_equal(api->timer_cancel(api, 5), GV_EINVAL);
	box_close(&box);
}

static void
keeps_counters_by_name(void **state)
{
	struct box box;
	const struct gv_host *api = begin(&box);
	char name[8];

	(void)state;
	assert_int_equal(api->counter(api, "c0"), 0);
	assert_int_equal(api->counter(api, "c1"), 1);
	assert_int_equal(api->counter(api, "c0"), 0);
	assert_int_equal(api->counter(api, "Not Good"), GV_EINVAL);
	assert_int_equal(api->counter(api, ""), GV_EINVAL);
	assert_int_equal(api->counter(api, NULL), GV_EINVAL);
	for (int i = 2; i < PLUGIN_COUNTERS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "c%d", i);
		assert_int_equal(api->counter(api, name), i);
	}
	assert_int_equal(api->counter(api, "more"), GV_EFULL);
	api->counter_add(api, 1, 40);
	api->counter_add(api, 1, 2);
	api->counter_add(api, -1, 9);
	api->counter_add(api, PLUGIN_COUNTERS_MAX, 9);
	box_expect_stats(&box, "\"own\":{\"c0\":0,\"c1\":42,\"c2\":0,");
	box_close(&box);
}

static void *
publish_a_thousand(void *arg)
{
	const struct gv_host *api = arg;
	int32_t counter = api->counter(api, "shared");

	for (int i = 0; i < 1000; i++) {
		if (api->publish(api, "a", "x", 1, 0) == GV_OK) {
			api->counter_add(api, counter, 1);
		}
		api->log(api, GV_LOG_DEBUG, "one more");
	}
	return NULL;
}

static void
can_be_called_from_any_thread(void **state)
{
	struct box box;
	const struct gv_host *api = begin(&box);
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(
		    pthread_create(&threads[i], NULL, publish_a_thousand,
		        (void *)(uintptr_t)api),
		    0);
	}
	for (int i = 0; i < 4000; i++) {
		host_request_destroy(box_request(&box));
	}
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	box_expect_stats(&box, "\"own\":{\"shared\":4000}");
	box_close(&box);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_about_itself_and_the_node),
		cmocka_unit_test(shows_a_new_id_to_who_asks_again),
		cmocka_unit_test(shows_the_last_of_any_number_of_ids),
		cmocka_unit_test(queues_what_is_published),
		cmocka_unit_test(marks_what_is_sent_as_a_reply),
		cmocka_unit_test(takes_only_what_the_contract_allows),
		cmocka_unit_test(takes_nothing_after_the_stop),
		cmocka_unit_test(says_when_there_is_no_memory),
		cmocka_unit_test(limits_timers),
		cmocka_unit_test(keeps_counters_by_name),
		cmocka_unit_test(can_be_called_from_any_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
