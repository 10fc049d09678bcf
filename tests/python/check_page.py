"""Opens pages in Chromium, clicks and types on them as people do, and reports the results.

usage: check_page.py CHROMIUM CHROMEDRIVER PAGE INDEX SHOTS

PAGE is the page of a recording, INDEX that of a folder; pictures of them go into the folder SHOTS. Writes JSON.
"""

import json
import sys
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

# Time limit for events on the page; only a broken page takes that long.
PATIENCE_S = 120
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}


def browser(chromium: str, driver: str) -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    # Root cannot use the sandbox; only our own pages are opened, and no network is used.
    for argument in ["headless=new", "no-sandbox", "disable-dev-shm-usage", "mute-audio", "disable-background-networking", "host-resolver-rules=MAP * ~NOTFOUND"]:
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


def resize(chrome: webdriver.Chrome, size: tuple[int, int]) -> None:
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] < 600})


def shoot(chrome: webdriver.Chrome, shots: Path, name: str) -> dict:
    """Pictures of the page at every width, and by how much it is wider than the window."""
    overflow = {}
    for width, size in WIDTHS.items():
        resize(chrome, size)
        overflow[width] = chrome.execute_script("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        chrome.save_screenshot(str(shots / f"{name}-{width}.png"))
    resize(chrome, WIDTHS["desktop"])
    return overflow


def main(chromium: str, driver: str, page: str, index: str, shots: Path) -> None:
    chrome = browser(chromium, driver)
    try:
        wait = WebDriverWait(chrome, PATIENCE_S, poll_frequency=0.02)
        ask = chrome.execute_script
        chrome.get(Path(page).resolve().as_uri())
        wait.until(lambda _: ask("return document.querySelector('audio').readyState >= 1"))
        found = {"title": chrome.title, "duration": ask("return document.querySelector('audio').duration")}
        found["overflow"] = shoot(chrome, shots, "page")

        # The third passage is played from its start.
        row = chrome.find_elements(By.CSS_SELECTOR, "tr[data-start]")[2]
        button = row.find_element(By.TAG_NAME, "button")
        found["passage"] = [float(row.get_attribute("data-start")), float(row.get_attribute("data-end"))]
        ask("arguments[0].scrollIntoView({block: 'center'})", button)
        ask("window.sought = null; document.querySelector('audio').addEventListener('seeked', (e) => { sought ??= e.target.currentTime; })")
        button.click()
        wait.until(lambda _: ask("return sought !== null && !document.querySelector('audio').paused"))
        found["sought"] = ask("return sought")
        ask("document.querySelector('audio').pause()")
        ask("document.querySelector('audio').currentTime = arguments[0]", (found["passage"][0] + found["passage"][1]) / 2)
        wait.until(lambda _: row.get_attribute("aria-current") == "true")
        found["n_current"] = len(chrome.find_elements(By.CSS_SELECTOR, "[aria-current]"))
        found["visible_heads"] = ask("return [...document.querySelectorAll('.at')].filter((line) => getComputedStyle(line).visibility === 'visible').length")

        # A click in the middle of the first row of the timeline.
        bands = chrome.find_element(By.CSS_SELECTOR, ".row .bands")
        ask("arguments[0].scrollIntoView({block: 'center'})", bands)
        webdriver.ActionChains(chrome).move_to_element(bands).click().perform()
        found["middle"] = ask("return document.querySelector('audio').currentTime")
        found["row_s"] = float(chrome.find_element(By.CSS_SELECTOR, ".row").get_attribute("data-length"))

        # The keyboard only.
        slider = chrome.find_element(By.CSS_SELECTOR, "[role=slider]")
        times = []
        for key in [Keys.HOME, Keys.ARROW_RIGHT, Keys.PAGE_UP, Keys.ARROW_LEFT, Keys.END]:
            slider.send_keys(key)
            times.append(ask("return document.querySelector('audio').currentTime"))
        found["keys"] = times
        slider.send_keys(Keys.HOME)
        found["said"] = slider.get_attribute("aria-valuetext")
        slider.send_keys(" ")
        wait.until(lambda _: ask("return !document.querySelector('audio').paused"))
        slider.send_keys(" ")
        wait.until(lambda _: ask("return document.querySelector('audio').paused"))

        ground = "return getComputedStyle(document.body).backgroundColor"
        found["light"] = ask(ground)
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
        found["dark"] = ask(ground)
        shoot(chrome, shots, "page-dark")
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": []})
        found["printed_player"] = ask("return getComputedStyle(document.querySelector('.player')).display")
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})

        # A script other than the page's own does not run; the browser reports it, and has reported nothing before.
        found["complaints"] = [entry["message"] for entry in chrome.get_log("browser")]
        ask("const s = document.createElement('script'); s.textContent = 'window.foreign = true'; document.body.append(s)")
        found["foreign"] = ask("return window.foreign ?? false")
        found["refusals"] = sum("Content Security Policy" in entry["message"] for entry in chrome.get_log("browser"))

        chrome.get(Path(index).resolve().as_uri())
        found["index_overflow"] = shoot(chrome, shots, "index")
        names = "return [...document.querySelectorAll('tbody tr')].map((row) => row.cells[0].textContent)"
        values = "return [...document.querySelectorAll('tbody tr')].map((row) => Number(row.cells[arguments[0]].dataset.value))"
        found["index"] = ask(names)
        found["sorted"] = []
        for column in [1, 3, 3]:
            chrome.find_elements(By.CSS_SELECTOR, "th button")[column].click()
            found["sorted"].append([ask(values, column), chrome.find_elements(By.TAG_NAME, "th")[column].get_attribute("aria-sort")])
        chrome.find_element(By.CSS_SELECTOR, "tbody a").click()
        wait.until(lambda _: ask("return document.querySelector('audio')?.readyState >= 1"))
        found["followed"] = chrome.title
        found["complaints"] += [entry["message"] for entry in chrome.get_log("browser")]
        json.dump(found, sys.stdout)
    finally:
        chrome.quit()


if __name__ == "__main__":
    main(*sys.argv[1:5], Path(sys.argv[5]))
