import time
from tests.flows.test_record_tracking import *
async def test_speed(ports, on_the_way, client):
    js = await booked(ports, *(a_draft() for _ in range(50)))
    js += await booked(ports, *(a_draft() for _ in range(50)))
    op = an_operator()
    for part in (slice(0,5), slice(5,9)):
        batch=[e for j in js for e in whole_journey(j)[part]]
        t=time.perf_counter(); r=await words(ports, op, *batch); dt=time.perf_counter()-t
        print(len(batch), set(r), f"{dt*1000:.0f} ms", f"{len(batch)/dt:.0f}/s")
    n=js[0].tracking_number
    for path in (f"/v1/tracking/{n}", f"/track/{n}"):
        await client.get(path)
        t=time.perf_counter()
        for _ in range(50): await client.get(path)
        print(path, f"{(time.perf_counter()-t)*20:.1f} ms")
