"""A reference subscriber: `chunk-results` in, `speaker-labels` out. Copy it, or use it as it is:

    subscriber = LabelSubscriber("localhost:9092", instance="labels-0")
    while running:
        for labels in subscriber.step():
            ...  # published and committed: {"Speaker_0": "Voice_2"} of one chunk
    subscriber.close()

`online` is the part without Kafka, for subscribers that have a loop of their own.
"""

from producer_tools.labels.online import OnlineLinker, SpeakerLabels
from producer_tools.labels.subscriber import LABELS, LabelSubscriber

__all__ = ["LABELS", "LabelSubscriber", "OnlineLinker", "SpeakerLabels"]
