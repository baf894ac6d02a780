import time, cProfile, pstats
from tests.factories.network import networked
from tests.factories.village import a_village
from tests.factories.orders import *
template = networked
async def test_x(ports):
    v=await a_village(ports)
    for i in range(3):
        t=time.process_time(); w=time.time()
        if i==0:
            async with ports.database.read() as c: await ports.timetable.current(c)
            print("timetable", time.process_time()-t, time.time()-w); t=time.process_time(); w=time.time()
        q=await a_quote(ports,v.buyer,v.basket); print("quote",time.process_time()-t, time.time()-w)
    assert 0
