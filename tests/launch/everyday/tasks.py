"""A Celery application whose broker and results are directories."""

import os

import celery

for name in ("queue", "results"):
    os.makedirs(name, exist_ok=True)
app = celery.Celery("tasks", broker="filesystem://", backend="file://" + os.path.abspath("results"))
app.conf.broker_transport_options = {"data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "queue"}


@app.task
def double(number):
    return number * 2


if __name__ == "__main__":
    print("result", double.delay(21).get(timeout=30))
