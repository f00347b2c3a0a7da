from curation.reasons import Reason


def test_every_code_is_its_own_and_has_a_sentence() -> None:
    assert len({reason.value for reason in Reason}) == len(Reason.__members__)
    for reason in Reason:
        assert reason.sentence.endswith(".")
        assert reason.value == reason.value.lower()


def test_a_reason_is_its_code_wherever_text_is_expected() -> None:
    assert Reason("dns") is Reason.DNS
    assert f"{Reason.DNS}" == "dns"
    assert {Reason.DNS: 1} == {"dns": 1}
