"""Models larger than the memory for them: the same numbers, two layers at a time."""

import gc
import json
import shutil
import threading
import time
import traceback
import weakref

import checkpoints
import huggingface_hub
import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM

from plmwidgets.models import Context, ModelError, load_model, loading, pretrained
from plmwidgets.models.encoder import Encoder
from plmwidgets.models.layers import ARITHMETIC, Layer, Linear, Norm
from plmwidgets.models.streaming import LayerStream

SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQ"
CONTEXTS = [
    Context.of(SEQUENCE),
    Context.of(SEQUENCE, [2]),
    Context.of(SEQUENCE, [0, 7], {3: "W"}),
]
POSITIONS = np.array([[1, 2], [2, 5], [7, 0]])
KINDS = ["tiny_esm2", "tiny_esm1b", "tiny_esmc"]


def pair(folder, **arguments):
    """A model in memory, and the same streamed."""
    return (
        load_model(folder, device="cpu", **arguments),
        load_model(folder, device="cpu", memory="20 kB", **arguments),
    )


def superposed(model, precision=None):
    steps = model.pair_pass(SEQUENCE, np.array([0, 3, 9, 21]), precision)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_streamed_model_is_the_model(kind, dtype, request):
    resident, streamed = pair(request.getfixturevalue(kind), dtype=dtype)
    assert "streamed" not in resident.capabilities
    assert streamed.capabilities == resident.capabilities | {"streamed"}
    assert streamed.identity == resident.identity
    assert streamed.precisions == resident.precisions
    assert streamed.max_length == resident.max_length
    assert repr(streamed) == repr(resident).replace(")", ", streamed)")
    assert not [name for name, _ in streamed.network.named_parameters() if "layers." in name]
    assert not [name for name, _ in streamed.network.named_parameters() if "layer." in name]
    with pytest.raises(ModelError, match="no token for 'J'"):
        streamed.check_sequence("MKJT")
    for precision in (None, *resident.precisions, "double"):
        for positions in (None, POSITIONS):
            np.testing.assert_array_equal(
                streamed.log_probabilities(CONTEXTS, positions, precision),
                resident.log_probabilities(CONTEXTS, positions, precision),
            )
        if precision != "double":
            np.testing.assert_array_equal(
                superposed(streamed, precision), superposed(resident, precision)
            )


class Layers:
    """Makes layers, and knows which were made and how many there have been at once."""

    def __init__(self, read=None):
        self.read = read or (lambda index: toy_layer())
        self.indices, self.most = [], 0
        self._made = []

    def __call__(self, *arguments):
        layer = self.read(*arguments)
        self.indices.append(arguments[-1])
        self._made.append(weakref.ref(layer.out.weight))
        self.most = max(self.most, self.living)
        return layer

    @property
    def living(self):
        return sum(weight() is not None for weight in self._made)

    def settle(self):
        """Wait until the thread has read ahead as far as it will."""
        before = -1
        while before != len(self.indices):
            before = len(self.indices)
            time.sleep(0.05)


def toy_layer():
    norm, linear = Norm(torch.ones(4), None, 1e-5), Linear(torch.ones(4, 4), None)
    return Layer(2, norm, linear, None, None, linear, norm, linear, linear, False)


def toy_stream(layers, count=4):
    return LayerStream(layers, count, torch.device("cpu"), ARITHMETIC["reference"])


def stream_threads():
    return [t for t in threading.enumerate() if t.name == "plmwidgets-layers" and t.is_alive()]


def watched(monkeypatch):
    layers = Layers(pretrained.read_layer)
    monkeypatch.setattr(pretrained, "read_layer", layers)
    return layers


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("kind", KINDS)
def test_streamed_model_is_the_model_on_a_gpu(kind, request):
    folder = request.getfixturevalue(kind)
    resident = load_model(folder, device="cuda")
    streamed = load_model(folder, device="cuda", memory="20 kB")
    assert "streamed" in streamed.capabilities - resident.capabilities
    for precision in (*resident.precisions, "double"):
        for _ in range(3):
            np.testing.assert_allclose(
                streamed.log_probabilities(CONTEXTS, POSITIONS, precision),
                resident.log_probabilities(CONTEXTS, POSITIONS, precision),
                atol=1e-6,
            )
    np.testing.assert_allclose(superposed(streamed), superposed(resident), atol=1e-6)


def test_many_contexts_go_through_a_layer_in_parts(tiny_esm2, monkeypatch):
    layers = watched(monkeypatch)
    resident, streamed = pair(tiny_esm2)
    contexts = [Context.of(SEQUENCE, [i]) for i in range(len(SEQUENCE))]
    places = np.arange(len(SEQUENCE))[:, None]
    expected = resident.log_probabilities(contexts), resident.log_probabilities(contexts, places)
    sizes, advance = [], Encoder.advance

    def counted(self, layer, x, *rest):
        sizes.append(len(x))
        return advance(self, layer, x, *rest)

    monkeypatch.setattr(Encoder, "advance", counted)
    # Three contexts of 24 tokens and width 32 at a time.
    monkeypatch.setattr("plmwidgets.models.encoder.STREAM_AT_ONCE", 3 * 24 * 32 + 1)
    np.testing.assert_allclose(streamed.log_probabilities(contexts), expected[0], atol=1e-6)
    np.testing.assert_allclose(streamed.log_probabilities(contexts, places), expected[1], atol=1e-6)
    layers.settle()
    assert layers.indices == [0, 1, 2, 0, 1, 2, 0]
    assert sizes == [*([3] * 7 + [1]) * 3, *([3] * 7 + [1]) * 2]


def test_two_layers_at_most_in_passes_of_a_model(tiny_esm2, monkeypatch):
    layers = watched(monkeypatch)
    model = load_model(tiny_esm2, device="cpu", memory=1000)
    for _ in range(5):
        model.log_probabilities(CONTEXTS)
    superposed(model)
    real = Encoder.advance

    def fail(*_):
        raise FloatingPointError("in the middle")

    for _ in range(5):
        monkeypatch.setattr(Encoder, "advance", fail)
        with pytest.raises(FloatingPointError) as caught:
            model.log_probabilities(CONTEXTS)
        # Who keeps the exception keeps what it was raised with.
        traceback.clear_frames(caught.tb)
        monkeypatch.setattr(Encoder, "advance", real)
        model.log_probabilities(CONTEXTS, POSITIONS)
    layers.settle()
    assert len(layers.indices) > 40
    assert layers.most == 2
    assert layers.living == 1
    del model, caught
    gc.collect()
    assert layers.living == 0


def test_next_layer_is_read_when_the_one_before_is_dropped():
    layers = Layers()
    stream = toy_stream(layers)
    used = stream[0]
    layers.settle()
    assert layers.indices == [0, 1]
    # A second use of the stream meanwhile does not wait, and nothing is read ahead for it.
    other = stream[2]
    layers.settle()
    assert layers.indices == [0, 1, 2]
    del used
    layers.settle()
    assert layers.indices == [0, 1, 2, 3]
    del other
    layers.settle()
    assert layers.indices == [0, 1, 2, 3]
    assert stream[3] is not None
    layers.settle()
    assert layers.indices == [0, 1, 2, 3, 0]
    assert layers.most == 2


def test_arithmetics_share_a_thread():
    layers = Layers()
    before = len(stream_threads())
    stream = toy_stream(layers)
    doubled = stream.in_arithmetic(ARITHMETIC["double"])
    assert len(doubled) == len(stream) == 4
    assert len(stream_threads()) == before + 1
    assert doubled[0].out.weight.dtype == torch.float64
    assert stream[1].out.weight.dtype == torch.float32
    assert [layer.out.weight.dtype for layer in stream] == [torch.float32] * 4
    assert layers.most <= 2


def test_threads_may_share_a_stream():
    stream = LayerStream(numbered_layer, 5, torch.device("cpu"), ARITHMETIC["reference"])
    seen = []

    def passes():
        for _ in range(20):
            seen.append([float(layer.out.weight[0, 0]) for layer in stream])

    threads = [threading.Thread(target=passes) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert seen == [[0, 1, 2, 3, 4]] * 60


def numbered_layer(index):
    layer = toy_layer()
    layer.out.weight.fill_(index)
    return layer


def test_stream_ends_its_thread_with_its_last_user():
    gc.collect()
    before = len(stream_threads())
    stream = toy_stream(Layers())
    other = stream.in_arithmetic(ARITHMETIC["preview"])
    assert other[0] is not None
    del stream
    assert len(stream_threads()) == before + 1
    del other
    assert len(stream_threads()) == before


def test_only_single_layers_that_exist():
    stream = toy_stream(Layers())
    with pytest.raises(IndexError, match="no layer 4: there are 4"):
        stream[4]
    with pytest.raises(IndexError, match="no layer -1"):
        stream[-1]
    with pytest.raises(TypeError, match="one at a time"):
        stream[:2]


def test_error_reaches_who_asks_and_is_forgotten():
    faults = {2: OSError("damaged"), 0: MemoryError("full")}

    def read(index):
        if index in faults:
            raise faults[index]
        return toy_layer()

    layers = Layers(read)
    stream = toy_stream(layers)
    with pytest.raises(MemoryError, match="full"):
        stream[0]
    for _ in range(2):
        assert stream[1] is not None
        layers.settle()
        with pytest.raises(OSError, match="damaged"):
            stream[2]
    faults.clear()
    assert len(list(stream)) == 4


def test_parts_of_a_model(esm2_copy):
    expected = load_model(esm2_copy, device="cpu").log_probabilities(CONTEXTS)
    network = AutoModelForMaskedLM.from_pretrained(esm2_copy)
    (esm2_copy / "model.safetensors").unlink()
    network.save_pretrained(esm2_copy, max_shard_size="20kB")
    assert len(list(esm2_copy.glob("model-*.safetensors"))) > 3
    model = load_model(esm2_copy, device="cpu", memory="20 kB")
    assert "streamed" in model.capabilities
    np.testing.assert_array_equal(model.log_probabilities(CONTEXTS), expected)


def catalogued_pickle(tiny_esm1b, cache, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    commit = "bcb20c5e9b48bda8045b45405b236a2d0fb55368"
    snapshot = cache / "models--facebook--esm1b_t33_650M_UR50S" / "snapshots" / commit
    shutil.copytree(tiny_esm1b, snapshot)
    (snapshot / "model.safetensors").unlink()
    return snapshot


@pytest.mark.parametrize("parts", [False, True])
def test_catalogued_pickle(tiny_esm1b, tmp_path, monkeypatch, parts):
    snapshot = catalogued_pickle(tiny_esm1b, tmp_path, monkeypatch)
    weights = AutoModelForMaskedLM.from_pretrained(tiny_esm1b).state_dict()
    if parts:
        names = sorted(weights)
        files = {name: f"pytorch_model-{i % 2}-of-2.bin" for i, name in enumerate(names)}
        for file in set(files.values()):
            torch.save({n: weights[n] for n in names if files[n] == file}, snapshot / file)
        index = {"metadata": {}, "weight_map": files}
        (snapshot / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    else:
        torch.save(weights, snapshot / "pytorch_model.bin")
    model = load_model("esm1b", device="cpu", memory=1000)
    assert "streamed" in model.capabilities
    np.testing.assert_array_equal(
        model.log_probabilities(CONTEXTS),
        load_model(tiny_esm1b, device="cpu").log_probabilities(CONTEXTS),
    )


def test_pickle_runs_nothing(tiny_esm1b, tmp_path, monkeypatch):
    snapshot = catalogued_pickle(tiny_esm1b, tmp_path, monkeypatch)
    torch.save({"weight": checkpoints.Payload(tmp_path / "ran")}, snapshot / "pytorch_model.bin")
    with pytest.raises(ModelError, match="esm1b cannot be loaded"):
        load_model("esm1b", device="cpu", memory=1000)
    assert not (tmp_path / "ran").exists()


def test_unlisted_pickle_is_refused(esm2_copy):
    (esm2_copy / "model.safetensors").rename(esm2_copy / "pytorch_model.bin")
    with pytest.raises(ModelError, match="as a pickle"):
        load_model(esm2_copy, device="cpu", memory=1000)


def test_weights_that_no_longer_belong_together(esm2_copy):
    model = load_model(esm2_copy, device="cpu", memory=1000)
    expected = model.log_probabilities(CONTEXTS)
    weights = esm2_copy / "model.safetensors"
    kept = weights.rename(esm2_copy / "elsewhere")
    for _ in range(2):
        with pytest.raises(ModelError, match=r"copy/model\.safetensors cannot be read \(.*No such"):
            model.log_probabilities(CONTEXTS)
    kept.rename(weights)
    np.testing.assert_array_equal(model.log_probabilities(CONTEXTS), expected)

    checkpoints.change_weights(esm2_copy, lambda weights: {k: 2 * v for k, v in weights.items()})
    with pytest.raises(ModelError, match=r"model\.safetensors was written anew"):
        model.log_probabilities(CONTEXTS)
    assert load_model(esm2_copy, device="cpu", memory=1000) is not model


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda w: {k: v for k, v in w.items() if "layer.1.output" not in k},
            "weights lack .*1.out",
        ),
        (lambda w: {k: v for k, v in w.items() if "lm_head" not in k}, "weights lack lm_head"),
        (
            lambda w: {k: v[:9].clone() if "2.output.dense.w" in k else v for k, v in w.items()},
            "do not fit its config.json: esm.encoder.layer.2.output.dense.weight have",
        ),
        (
            lambda w: {k: v[:9].clone() if "lm_head.dense.w" in k else v for k, v in w.items()},
            "do not fit its config.json: lm_head.dense.weight have",
        ),
    ],
)
def test_incomplete_weights_are_refused_at_once(esm2_copy, change, words):
    checkpoints.change_weights(esm2_copy, change)
    with pytest.raises(ModelError, match=words):
        load_model(esm2_copy, device="cpu", memory=1000)
    with pytest.raises(ModelError, match=words):
        load_model(esm2_copy, device="cpu")


def test_contact_head_is_not_needed(esm2_copy, tiny_esm2):
    checkpoints.change_weights(
        esm2_copy, lambda weights: {k: v for k, v in weights.items() if "contact_head" not in k}
    )
    np.testing.assert_array_equal(
        load_model(esm2_copy, device="cpu", memory=1000).log_probabilities(CONTEXTS),
        load_model(tiny_esm2, device="cpu").log_probabilities(CONTEXTS),
    )


def test_other_kinds_are_not_streamed(tiny_bert_spaced, esm2_copy):
    words = r"needs 8.*e-05 GB for its weights, and 1e-06 GB are allowed on cpu: choose a smaller"
    with pytest.raises(ModelError, match=words):
        load_model(tiny_bert_spaced, device="cpu", memory="1 kB")
    assert load_model(tiny_bert_spaced, device="cpu", memory="1 MB").capabilities == {
        "attentions",
        "embeddings",
    }
    checkpoints.change_config(esm2_copy, quantization_config={"quant_method": "bitsandbytes"})
    with pytest.raises(ModelError, match="copy needs"):
        load_model(esm2_copy, device="cpu", memory="1 kB")


def test_free_memory_decides_by_default(esm2_copy, tiny_bert_spaced, tmp_path, monkeypatch):
    # Copies: what another test has loaded would be given again.
    monkeypatch.setattr(pretrained, "free_memory", lambda device: 10_000)
    model = load_model(esm2_copy, device="cpu")
    assert "streamed" in model.capabilities
    assert load_model(esm2_copy, device="cpu") is model
    with pytest.raises(ModelError, match="1e-05 GB are free on cpu"):
        load_model(shutil.copytree(tiny_bert_spaced, tmp_path / "bert"), device="cpu")


def test_same_object_for_what_comes_to_the_same(esm2_copy):
    streamed = load_model(esm2_copy, device="cpu", memory=1000)
    assert load_model(esm2_copy, device="cpu", memory="20 kB") is streamed
    resident = load_model(esm2_copy, device="cpu")
    assert "streamed" not in resident.capabilities
    assert load_model(esm2_copy, device="cpu", memory="1 GB") is resident
    assert load_model(esm2_copy, device="cpu") is resident
    assert load_model(esm2_copy, device="cpu", memory=1000) is streamed
    assert load_model(esm2_copy, device="cpu", memory=1000, dtype="bfloat16") is not streamed


def test_half_precision_needs_half_the_memory(tiny_esm2):
    count = sum(p.numel() for p in AutoModelForMaskedLM.from_pretrained(tiny_esm2).parameters())
    assert "streamed" not in load_model(tiny_esm2, device="cpu", memory=4 * count).capabilities
    assert "streamed" in load_model(tiny_esm2, device="cpu", memory=4 * count - 1).capabilities
    half = load_model(tiny_esm2, device="cpu", dtype="bfloat16", memory=2 * count)
    assert "streamed" not in half.capabilities


def test_on_a_gpu_the_default_precision_is_counted_too(tiny_esm2, tiny_bert_spaced):
    for folder, size in ((tiny_esm2, 6), (tiny_bert_spaced, 4)):
        network = AutoModelForMaskedLM.from_pretrained(folder)
        count = sum(p.numel() for p in network.parameters())
        gpu = torch.device("cuda:0")
        assert pretrained._weight_bytes(network, gpu, torch.float32) == size * count
        assert pretrained._weight_bytes(network, gpu, torch.bfloat16) == 2 * count


def test_streamed_model_is_freed_with_its_last_user(esm2_copy):
    gc.collect()
    before = len(stream_threads())
    model = load_model(esm2_copy, device="cpu", memory=1000)
    model.log_probabilities(CONTEXTS)
    assert len(stream_threads()) == before + 1
    del model
    gc.collect()
    assert len(stream_threads()) == before


@pytest.mark.parametrize(
    ("memory", "size"),
    [
        (1, 1),
        (8e9, 8 * 10**9),
        (np.int64(5), 5),
        ("8 GB", 8 * 10**9),
        ("500MB", 500 * 10**6),
        (" 1.5 kb ", 1500),
        ("2 GiB", 2 * 2**30),
        ("12 B", 12),
        (".5 TB", 5 * 10**11),
    ],
)
def test_sizes(memory, size):
    assert loading._bytes(memory) == size


@pytest.mark.parametrize(
    "memory",
    ["", "lots", "8", "8 GBit", "-1 GB", "1,5 GB", "0 GB", 0, -5, True, np.nan, np.inf, []],
)
def test_what_is_no_size(memory):
    with pytest.raises(ValueError, match=r"memory=.* is not a size: give .* such as '8 GB'"):
        load_model("demo", memory=memory)


def test_batches_of_a_streamed_model(tiny_esm2):
    resident, streamed = pair(tiny_esm2)
    assert resident.preferred_batch(100) == 64
    context = 4 * 32 * (20_000 + 2)
    assert streamed.preferred_batch(20_000) == 2**28 // context == 104
    assert streamed.preferred_batch(1) == 1024
    assert streamed.preferred_batch(10**8) == 1
    half = load_model(tiny_esm2, device="cpu", memory=1000, dtype="bfloat16")
    assert half.preferred_batch(20_000) == 209
