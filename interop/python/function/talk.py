"""A Lambda function that talks: the same in Python, Node.js and Java (see ../../README.md)."""

import logging

logger = logging.getLogger()
logger.setLevel(logging.DEBUG)


def handle(event, context):
    """Says something in every way; the second order is one too many."""
    order = event["order"]
    print(f"order {order}: a plain line")
    logger.debug("order %s: a detail", order)
    logger.info("order %s: a fact", order)
    logger.warning("order %s: a doubt", order)
    logger.error("order %s: a fault", order)
    logger.critical("order %s: a disaster", order)
    logger.info("order %s: a first line\nand a second", order)
    if order == 2:
        raise ValueError("order 2: one too many")
    return {"order": order}
