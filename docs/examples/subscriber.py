"""Writes down what Coffer tells a queue of yours, once each. Kill it whenever you like, run as many as you like.

QUEUE_URL=https://sqs.eu-central-1.amazonaws.com/444455556666/from-coffer python subscriber.py facts.db
"""

import os
import sqlite3
import sys

import boto3

from coffer_contracts.catalog import Unreadable
from coffer_contracts.told import Told, parse_told

QUEUE = os.environ["QUEUE_URL"]
sqs = boto3.client("sqs")
store = sqlite3.connect(sys.argv[1], timeout=30)
store.execute("CREATE TABLE IF NOT EXISTS facts (id PRIMARY KEY, number, type, subject, name)")


def handle(told: Told) -> None:
    """Your work, in the transaction that remembers the id: a fact that comes twice has one effect."""
    name = (told.data.model_extra or {}).get("name")
    with store:
        row = (told.data.event_id, told.data.subscription_sequence, told.type, told.data.subject, name)
        is_new = store.execute("INSERT OR IGNORE INTO facts VALUES (?, ?, ?, ?, ?)", row).rowcount
    print("new" if is_new else "seen", told.type, told.data.event_id, flush=True)


while True:
    answer = sqs.receive_message(QueueUrl=QUEUE, MaxNumberOfMessages=10, WaitTimeSeconds=10)
    for message in answer.get("Messages", ()):
        try:
            handle(parse_told(message["Body"]))
        except Unreadable:  # no fact: the code that proves the queue is yours, for example
            print("left", message["Body"], flush=True)
        # Only now: if this process dies before, the message comes again.
        sqs.delete_message(QueueUrl=QUEUE, ReceiptHandle=message["ReceiptHandle"])
