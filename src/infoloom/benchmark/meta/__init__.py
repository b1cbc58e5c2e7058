"""Random tasks of exactly known information by the hundred thousand: what learned estimators are trained on."""
