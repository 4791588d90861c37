/* SPDX-License-Identifier: MIT
 * signal_context.c - part of the daemon under ThreadSanitizer only.
 *
 * GCC 12's runtime makes a thread's signal context in the first call that
 * blocks, and puts it in place without looking: a signal that comes while it
 * is being made goes into another context and is lost for ever.  The daemon's
 * first such call is the loop's first poll, just when a test that saw "ready"
 * signals it.  Here a call that blocks for no time comes before main. */
#include <poll.h>
#include <stddef.h>

__attribute__((constructor)) static void
make_signal_context(void)
{
	(void)poll(NULL, 0, 0);
}
