"""What the model looks at after an epoch: the weights of its features and its attention, on some validation days."""

from __future__ import annotations

from trainer.model.explanation import explain
from trainer.training.session import Session


def explain_epoch(session: Session, epoch: int) -> None:
    """Write the mean weights of the features and the attention by lag; only the main process does."""
    most = session.config.monitors.explain_days
    if not (most and session.ranks.is_main):
        return
    session.model.eval()
    days = session.dataset.valid.some_days(most)
    with session.averaged_weights(), session.autocast():
        found = explain(session.model, (day.x_NTF.to(session.device) for day in days))
    features, highest = session.dataset.panel.feature_names, session.progress.highest_shares
    for name, share in zip(features, found.share_F.tolist(), strict=True):
        highest[name] = max(highest.get(name, 0.0), share * len(features))
    session.log.explanation(found, features=features, highest=highest, epoch=epoch)
