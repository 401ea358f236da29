"""What is not read is guessed at, with the doubt."""

import pytest

from monitor.reader.guess import guess_of


@pytest.mark.parametrize(
    ("line", "named", "doubt"),
    [
        ("Train loss 10 0.567 Grad Norm 1.2", "grad_norm 1.2", "without a name"),
        ("accuracy: 0.9", "accuracy 0.9", "no step and no epoch"),
        ("Validation loss decreased (0.5 --> 0.4). Saving model", "", "a sentence"),
        ("Namespace(lr=0.5, epoch=3)", "lr 0.5", "settings"),
    ],
)
def test_a_shape_is_guessed_at_with_its_doubt(line: str, named: str, doubt: str):
    guess = guess_of(line)
    assert named in guess.guess
    assert doubt in guess.doubt


def test_words_alone_are_nothing_to_guess_at():
    assert guess_of("the weather is fine") == ("", "")
