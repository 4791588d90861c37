/* SPDX-License-Identifier: MIT
 * stats.h - the counters of the mesh: each drop has its reason. */
#ifndef MESH_STATS_H
#define MESH_STATS_H

#include <stdint.h>

#include "base/counter.h"

/* clang-format off */
#define MESH_STATS(COUNT) \
	COUNT(published)       /* by this node */ \
	COUNT(received)        /* DATA records that came in */ \
	COUNT(delivered)       /* of them, first copies for this node */ \
	COUNT(replies)         /* REPLY records handed on */ \
	COUNT(relayed)         /* DATA records queued on links */ \
	COUNT(duplicates)      /* dropped: they are in the history */ \
	COUNT(old)             /* dropped: below the window or boot */ \
	COUNT(hop_limit)       /* dropped: crossed too many links */ \
	COUNT(bad_utf8)        /* dropped: text that is none */ \
	COUNT(bad_boot)        /* dropped: boot number from the future */ \
	COUNT(own)             /* dropped: this node's own, come back */ \
	COUNT(spoofed)         /* claims to be ours and is not */ \
	COUNT(renamed)         /* times this node took a new id because of \
	                          it */ \
	COUNT(twins)           /* links that end because two have one id */ \
	COUNT(origins_full)    /* dropped: no room for another origin */ \
	COUNT(origins_named)   /* forgotten: room for others, and no message \
	                          of them had come */ \
	COUNT(origins_rate)    /* dropped: a link brought too many new ones */ \
	COUNT(peer_limit)      /* not sent: more than the link takes */ \
	COUNT(nomem)           /* dropped: out of memory */ \
	COUNT(gaps)            /* ids given up */ \
	COUNT(unknown)         /* records of unknown type */ \
	COUNT(ignored)         /* records that this version has no use for */ \
	COUNT(malformed)       /* links closed: record broken */ \
	COUNT(too_long)        /* links closed: record or message too long */ \
	COUNT(bad_addr)        /* advertised addresses that are none */ \
	COUNT(timeouts)        /* links closed: handshake took too long */ \
	COUNT(dead)            /* links closed: silent for 3 x ping_ms */ \
	COUNT(slow)            /* links closed: HARD limit, or stalled */ \
	COUNT(dials)           /* begun */ \
	COUNT(dial_failures)   /* of them, in vain */ \
	COUNT(accepted)        /* incoming connections */ \
	COUNT(refused)         /* of them, before they were UP */ \
	COUNT(accept_limit)    /* of those refused: too many links lately */ \
	COUNT(waiting_limit)   /* the same: too many were not UP */ \
	COUNT(links_up)        /* now */ \
	COUNT(origins)         /* now */ \
	COUNT(evicted)         /* links given up for another */ \
	COUNT(denied)          /* dials refused: full */ \
	COUNT(rewires)         /* dials that renew or heal the graph */ \
	COUNT(isolated)        /* all links silent: others dialled at once */ \
	COUNT(dial_limit)      /* learned addresses not dialled: too soon */ \
	COUNT(recent_full)     /* addresses dialled, ids slow or lost: one \
	                          forgotten early, a lost one not noted */ \
	COUNT(learned)         /* addresses of others taken over */ \
	COUNT(local_addr)      /* loopback addresses from elsewhere */ \
	COUNT(walks)           /* passed on */ \
	COUNT(walk_ends)       /* ended here */ \
	COUNT(walk_busy)       /* not sent: the link had its ten a second */ \
	COUNT(walk_limit)      /* ignored: more than a link may bring */ \
	COUNT(shuffles)        /* begun by this node */ \
	COUNT(shuffle_limit)   /* ignored: more than a link may bring */ \
	COUNT(abuse)           /* links closed: ten times a limit */ \
	COUNT(auth_failed)     /* links closed: not the same key */ \
	COUNT(passive)         /* known addresses, now */ \
	COUNT(lost)            /* known addresses that failed, now */ \
	COUNT(presence_sent)   /* of this node */ \
	COUNT(presence_bad)    /* of others, that cannot be read */ \
	COUNT(members_full)    /* out of the list: no room for a new one */ \
	COUNT(members)         /* now */ \
	COUNT(late)            /* dropped: came after it was told as a gap, or \
	                          when the history had it no longer */ \
	COUNT(window_lost)     /* ids given up: they fell off a window */ \
	COUNT(window_widened)  /* windows that grew */ \
	COUNT(window_limit)    /* times one did not: too many have, or no \
	                          memory */ \
	COUNT(prunes)          /* sent: a link is no edge of a tree */ \
	COUNT(grafts)          /* sent: a tree is broken here */ \
	COUNT(tries)           /* of a faster parent */ \
	COUNT(fetches)         /* runs of ids asked for */ \
	COUNT(suspects)        /* parents silent when a message was due */ \
	COUNT(quiet)           /* links silent when it was theirs to \
	                          announce: one of both until its next word */ \
	COUNT(fetch_limit)     /* put off: all links have enough to answer */ \
	COUNT(missing_full)    /* runs given up or not noted: no room */ \
	COUNT(gone)            /* runs given up: nobody has them any more */ \
	COUNT(too_far)         /* runs given up: more hops than allowed */ \
	COUNT(rumours)         /* ids forgotten: far ahead, by one's word */ \
	COUNT(repairs)         /* messages sent again */ \
	COUNT(repair_limit)    /* not sent again: the link is over SOFT, or \
	                          had its share of the second */ \
	COUNT(announced)       /* runs of ids */ \
	COUNT(announce_busy)   /* runs not sent: the link had its share of \
	                          the second; SYNC tells of them */ \
	COUNT(announce_limit)  /* runs ignored: more than a link may bring */ \
	COUNT(graft_limit)     /* the same */ \
	COUNT(sync_limit)      /* the same */ \
	COUNT(missing_limit)   /* runs of lists ignored: those of missing \
	                          ids that they may hold are too many */ \
	COUNT(mark_limit)      /* runs not, or not all, looked for in the \
	                          history: they may be announced back */ \
	COUNT(bad_runs)        /* ids that cannot be */ \
	COUNT(syncs)           /* sent */ \
	COUNT(sync_cut)        /* sent, or not told, with less than there \
	                          was: the rest follows, but for what is \
	                          beyond a limit */ \
	COUNT(congested)       /* links that got announcements only */ \
	COUNT(history_limit)   /* messages larger than the history */ \
	COUNT(history_evicted) /* left it early: the bytes were needed */ \
	COUNT(history_expired) /* left it after their minute */ \
	COUNT(heard_lost)      /* boots of origins never known, by others' \
	                          word only: no room, no more told of */ \
	COUNT(ends_lost)       /* of boots that two others followed: no room, \
	                          no more told of */ \
	COUNT(tombstones_lost) /* origins forgotten: no room, no memory */ \
	COUNT(unicasts_sent)   /* by this node */ \
	COUNT(unicasts)        /* that came to it */ \
	COUNT(unicast_lost)    /* dropped: no way to its node, or the next link \
	                          does not keep up */ \
	COUNT(unicast_full)    /* senders forgotten: no room */ \
	COUNT(control_bytes)   /* of lists of ids sent: records, without \
	                          the header of the WebSocket frame */ \
	COUNT(missing)         /* runs, now */ \
	COUNT(history)         /* messages kept, now */ \
	COUNT(history_bytes)   /* what they take, now */
/* clang-format on */

#define MESH_STATS_MEMBER(name) uint64_t name;

struct mesh_stats {
	MESH_STATS(MESH_STATS_MEMBER)
	uint64_t byes_sent[10], byes_received[10]; /* by reason */
};

/* Names every member. */
extern const struct counter mesh_counters[];
extern const size_t mesh_counter_count;

#endif
