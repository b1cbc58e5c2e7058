"""How fast the explorer page follows a moving slider: ten modalities of 3072 components, 149 quantities and all panels.

Claims: the server answers a move with the weights, the graph, the whole truth table, the decomposition and the ceilings
in less than 50 ms of one core, request and answer over the loopback address included; wall time says what else the
machine was doing. With chromium, the time from a slider's movement until the table has changed is told too, without a
claim: browser and server share the cores with whatever else runs on them.

    OMP_NUM_THREADS=1 python benchmarks/information/explorer.py
"""

from __future__ import annotations

import json
import shutil
import statistics
import threading
import time

import httpx
import uvicorn

from infoloom.web.app import make_app
from infoloom.web.server import bind
from infoloom.web.workbench import open_workbench

PANELS = ["weights", "graph", "information", "decomposition", "ceilings"]
WEIGHT = "modalities.x3.latent[2]"
MOVES = 60


def say(claim, value, kept):
    print(f"{'ok  ' if kept else 'MISS'} {claim:<58} {value}", flush=True)


def moves(address):
    """Wall and processor time of moves, ms; both ends run in this process."""
    wall, processor = [], []
    with httpx.Client(trust_env=False, base_url=address) as client:
        for i in range(MOVES):
            asked = {"weights": {WEIGHT: 0.5 + 0.001 * i}, "panels": PANELS}
            clocks = time.perf_counter(), time.process_time()
            answer = client.post("/panels.json", json=asked).json()["panels"]
            wall.append(1e3 * (time.perf_counter() - clocks[0]))
            processor.append(1e3 * (time.process_time() - clocks[1]))
            assert len(answer["information"]["rows"]) == 149
    size = len(json.dumps(answer)) / 1024
    return statistics.median(wall), statistics.median(processor), min(wall), size


def in_the_browser(address, program, driver_path):
    """Median time from a key to a changed table, ms."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver_path))
    try:
        driver.set_script_timeout(600)
        driver.get(address)
        while not driver.execute_script("return document.body.dataset.ready"):
            time.sleep(0.1)
        # Pictures of ten modalities would be made on the same cores.
        driver.execute_script("document.querySelector('main > :last-child').remove()")
        return driver.execute_async_script(
            """
            const done = arguments[1];
            const slider = document.querySelector(`input[type=range][data-path="${arguments[0]}"]`);
            const cell = () => document.querySelector('tr[data-query="I(x0; x3)"] td.number')?.dataset.value;
            const times = [];
            const step = (i) => {
              const before = cell(), began = performance.now();
              slider.value = 0.5 + 0.01 * i;
              slider.dispatchEvent(new Event("input"));
              const look = () => {
                if (cell() === before) return setTimeout(look, 0);
                times.push(performance.now() - began);
                if (i < 12) return setTimeout(() => step(i + 1), 20);
                times.sort((a, b) => a - b);
                done(times[times.length >> 1]);
              };
              look();
            };
            step(0);
            """,
            WEIGHT,
        )
    finally:
        driver.quit()


def main():
    server = uvicorn.Server(
        uvicorn.Config(
            make_app(open_workbench("multimodal-decay")), log_level="warning", lifespan="off", ws="none"
        )
    )
    bound = bind()
    address = f"http://127.0.0.1:{bound.getsockname()[1]}"
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        wall, processor, best, size = moves(address)
        say("a move of ten modalities, five panels", f"{processor:.0f} ms of one core", processor < 50)
        say("  wall time, median and least", f"{wall:.0f} ms, {best:.0f} ms", best < 50)
        say("  its answer", f"{size:.0f} KiB", size < 100)
        program, driver = shutil.which("chromium"), shutil.which("chromedriver")
        if program and driver:
            shown = in_the_browser(f"{address}/", program, driver)
            print(f"     {'  from the slider to the changed table in chromium':<58} {shown:.0f} ms")
    finally:
        server.should_exit = True
        thread.join()
        bound.close()


if __name__ == "__main__":
    main()
