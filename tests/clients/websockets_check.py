#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""websockets_check.py PORT PORT - Python's websockets against two linked
nodes.  Exit code 0: all is well."""

import asyncio
import sys

import websockets

LEFT, RIGHT = (int(port) for port in sys.argv[1:3])
DEADLINE_S = 60


def connect(port, path, **more):
    return websockets.connect(f"ws://127.0.0.1:{port}{path}", **more)


async def sync(ws):
    """A ping and its pong: the node has read all that went before."""
    await (await ws.ping(b"sync"))


async def keeps_kind_and_content_through_two_nodes():
    async with connect(LEFT, "/py") as near, connect(RIGHT, "/py") as far:
        await sync(far)
        assert near.extensions == [], near.extensions
        for size in (0, 1, 125, 126, 65535, 65536, 1 << 20):
            for payload in ("x" * size, b"\xff" * size):
                await near.send(payload)
                got = await far.recv()
                assert type(got) is type(payload) and got == payload, size
        await far.send("back")
        assert await near.recv() == "back"


async def keeps_the_order_of_2000_messages():
    async with connect(LEFT, "/py/o?echo=1", max_queue=None) as near, \
            connect(RIGHT, "/py/o", max_queue=None) as far:
        await sync(far)
        for i in range(2000):
            await near.send(f"message {i}")
        for ws in (near, far):
            for i in range(2000):
                assert await ws.recv() == f"message {i}"


async def joins_fragments():
    async with connect(LEFT, "/py/f?echo=1") as ws:
        await ws.send(["gr", "ü", "ß", " ", "dich"])
        assert await ws.recv() == "grüß dich"


async def closes_with_the_code_of_the_client():
    ws = await connect(LEFT, "/py")
    await ws.close(code=4000, reason="enough")
    assert ws.close_code == 4000, ws.close_code


async def closes_what_is_too_big():
    async with connect(LEFT, "/py") as ws:
        try:
            await ws.send(b"x" * ((1 << 20) + 1))
            await ws.recv()
        except websockets.ConnectionClosed as closed:
            assert closed.rcvd is None or closed.rcvd.code == 1009, closed
        else:
            raise AssertionError("still open")


async def says_what_it_does_not_take():
    for path, more, status in (
            ("/", {"subprotocols": ["chat"]}, 400),
            ("/a/$b", {}, 400),
            ("/", {"origin": "http://evil.example"}, 403)):
        try:
            async with connect(LEFT, path, **more):
                raise AssertionError(f"{path} {more} was let in")
        except websockets.InvalidStatusCode as refused:
            assert refused.status_code == status, refused.status_code
    origin = f"http://127.0.0.1:{LEFT}"
    async with connect(LEFT, "/", origin=origin) as ws:
        await sync(ws)


async def main():
    for step in (keeps_kind_and_content_through_two_nodes,
                 keeps_the_order_of_2000_messages,
                 joins_fragments,
                 closes_with_the_code_of_the_client,
                 closes_what_is_too_big,
                 says_what_it_does_not_take):
        await asyncio.wait_for(step(), DEADLINE_S)
        print("ok", step.__name__, flush=True)


asyncio.run(main())
