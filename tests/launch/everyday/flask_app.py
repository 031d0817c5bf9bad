"""A Flask application."""

import flask

app = flask.Flask(__name__)


@app.route("/")
def answer():
    return "first"
