"""The command lines of the mapped tasks: built in one place, run in a process or in a pod."""

from tm_core.rules import Tier


def shard_command(batch_id: str, tier: Tier, shard: int) -> list[str]:
    """The command that refines one shard; settings reach it by the environment (``TM_…``)."""
    return ["tm-align", "shard", "--batch", batch_id, "--tier", tier.value, "--shard", str(shard)]


def lexicon_command(run: str, src_lang: str, tgt_lang: str, promoted: str) -> list[str]:
    """The command that learns one pair's lexicon from collected units."""
    pair = ["--src-lang", src_lang, "--tgt-lang", tgt_lang]
    return ["tm-align", "lexicon-refresh", "--run", run, *pair, "--promoted", promoted]
