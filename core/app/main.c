/* SPDX-License-Identifier: MIT
 * main.c - the grapevine node. */

int
main(void)
{
	return 0;
}
