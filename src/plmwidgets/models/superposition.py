"""The superposed pair pass: all p(i|{i,j}) of a protein for the cost of about 2 L passes.

An exact pair scan runs the network once for every pair. Here, for every pair, only the two hidden
residues' own rows are computed. For all other tokens, keys and values in the context {i, j} are
taken to be those of the two single masks less those of none hidden,

    K^{i,j} = K^{i} + K^{j} - K^{},    V^{i,j} likewise,

which leaves out what a third token does in answer to both masks that it does not do in answer to
either. Rows i and j attend to these and, exactly, to themselves and each other, layer by layer. All
contexts are run with the token-dropout scale of two hidden residues.

The pass advances all pairs through one layer before the next, so that memory grows with L^2 d and
all work is large matrix products. It is an approximation: `plmwidgets.scan.superposed` measures its
error against exact passes.
"""

from collections.abc import Generator, Iterator

import torch
from torch import Tensor

from plmwidgets.models.encoder import Encoder
from plmwidgets.models.layers import (
    LARGEST_SUM,
    SMALLEST_SUM,
    Buffers,
    Layer,
    Rotation,
)
from plmwidgets.models.room import Room
from plmwidgets.models.sizes import sizes_on


@torch.inference_mode()
def superposed_pass(
    encoder: Encoder, ids: Tensor, tokens: Tensor, room: Room
) -> Generator[float, None, Tensor]:
    """Estimate the log-probabilities of all pairs of hidden residues.

    A generator: it yields the share of the work that is done, often, and so can be interleaved with
    other work of the same encoder.

    Parameters
    ----------
    encoder : Encoder
    ids : Tensor of int64, shape (T,)
        Tokens of the protein, none hidden.
    tokens : Tensor of int64, shape (n,)
        Which tokens to hide in pairs.
    room : Room
        Where the states are kept.

    Returns
    -------
    Tensor of float32, shape (n, n, 20)
        ``[i, j]`` estimates log p(i|{i,j}); meaningless on the diagonal.
    """
    work = _Pass(encoder, ids, tokens, room)
    steps = len(encoder.layers) * (len(work.batches) + 2 * len(work.tiles)) + len(work.tiles)
    done = 0
    for index, layer in enumerate(encoder.layers):
        last = index == len(encoder.layers) - 1
        for batch in work.batches:
            work.advance_contexts(layer, batch, last)
            done += 1
            yield done / steps
        for tile in work.tiles:
            for _ in work.project_rows(layer, tile):
                yield done / steps
            done += 1
        for tile in work.tiles:
            for _ in work.advance_rows(layer, tile):
                yield done / steps
            done += 1
    result = torch.empty(len(tokens), len(tokens), 20)
    for tile in work.tiles:
        for some in work.parts(tile):
            result[some] = encoder.head(room.load(work.rows, some)).cpu()
            yield done / steps
        done += 1
        yield done / steps
    return result


def pass_cost(width: int, tokens: int, n: int) -> float:
    """Multiplications of a pass over all pairs of n tokens, in passes over one whole context.

    Parameters
    ----------
    width : int
        Of the residual stream, d; hidden units are taken as 4 d wide.
    tokens, n : int
        Tokens in the protein, and those that are hidden.
    """
    products, scores = 12 * width**2, 2 * tokens * width
    rows = n**2 * (products + 2 * scores)  # keys and values are a sum of two
    return n + 1 + rows / (tokens * (products + scores))


def working_bytes(width: int, device: torch.device) -> int:
    """Memory that a pass takes on a GPU beside its states: a tile of rows and its scores.

    More than the most that was counted, 1.0 to 2.1 GB for 650M and 1.9 to 2.9 GB for 3B.
    """
    if device.type == "cpu":
        return 0  # little, against its states
    sizes = sizes_on(device)
    return 24 * width * sizes.tile_rows + 32 * sizes.tile_scores


def pass_bytes(width: int, tokens: int, n: int) -> int:
    """Bytes of the states of a pass over all pairs of n tokens, in float32; as for `pass_cost`."""
    contexts, rows = (n + 1) * tokens, n**2
    return 3 * 4 * width * (contexts + rows)  # the stream, keys and values of each


class _Pass:
    """The states of a pass and what a layer does to them.

    Contexts 0 .. n-1 hide one residue each, context n none. Indices i and j count hidden residues;
    row (i, j) is that of residue i in the context {i, j}.
    """

    def __init__(self, encoder: Encoder, ids: Tensor, tokens: Tensor, room: Room) -> None:
        n, length = len(tokens), len(ids)
        self.encoder = encoder
        self.tokens = tokens
        self.room = room
        self.buffers = Buffers(encoder.device)
        self.rotation = encoder.rotation(length)
        heads, d = encoder.ends.heads, encoder.ends.embedding.shape[1]
        width = d // heads
        dtype = encoder.arithmetic.stream
        hidden = ids.repeat(n + 1, 1)
        hidden[torch.arange(n, device=ids.device), tokens] = encoder.ends.mask_id
        # What is used most is made first: it is the last to be put elsewhere.
        self.keys = room.make((heads, n + 1, length, width), dtype)
        # Behind each value stands a one (or, where differences are taken, a zero).
        self.values = room.make((heads, n + 1, length, width + 1), dtype)
        self.row_keys = room.make((heads, n, n, width), dtype)
        self.row_values = room.make((heads, n, n, width + 1), dtype)
        self.rows = room.make((n, n, d), dtype)
        self.contexts = room.make((n + 1, length, d), dtype)
        self.sizes = sizes_on(encoder.device)
        rows = min(self.sizes.tile_scores // length, self.sizes.tile_rows)
        size = max(1, rows // n)
        self.tiles = [slice(i, min(i + size, n)) for i in range(0, n, size)]
        work = 12 * length * d**2 + 2 * length**2 * d
        size = min(self.sizes.contexts, max(1, int(self.sizes.step_work / work)))
        self.batches = [slice(c, min(c + size, n + 1)) for c in range(0, n + 1, size)]
        for batch in self.batches:
            x = encoder.embed(hidden[batch], hidden=2)
            room.store(self.contexts, batch, x)
            hiding = slice(batch.start, min(batch.stop, n))  # the last context hides none
            places = tokens[hiding]
            own = x[torch.arange(len(places), device=x.device), places]
            room.store(self.rows, hiding, own[:, None].expand(-1, n, -1))

    def advance_contexts(self, layer: Layer, batch: slice, last: bool) -> None:
        """Take single-mask contexts through a layer and keep its keys and values."""
        x = self.room.load(self.contexts, batch)
        if last:  # nothing reads their states after it
            k, v = layer.project(x, self.rotation, self.buffers, "kv")
        else:
            k, v = self.encoder.advance(layer, x, self.rotation, self.buffers)
            self.room.store(self.contexts, batch, x)
        width = k.shape[-1]
        self.keys[:, batch] = k.to(self.keys)
        self.values[:, batch, :, :width] = v.to(self.values)
        self.values[:, batch, :, width] = 1

    def parts(self, tile: slice) -> list[slice]:
        """Cut a tile into rows i of which few enough go through a product together."""
        size = max(1, self.sizes.rows // len(self.tokens))
        return [slice(i, min(i + size, tile.stop)) for i in range(tile.start, tile.stop, size)]

    def project_rows(self, layer: Layer, tile: slice) -> Iterator[None]:
        """Keep keys and values of rows i in the tile, before any row advances."""
        for some in self.parts(tile):
            x = self.room.load(self.rows, some)
            k, v = layer.project(x, self._turn(some), self.buffers, "kv")
            self.row_keys[:, some] = k.to(self.keys)
            self.row_values[:, some, :, : k.shape[-1]] = v.to(self.values)
            self.row_values[:, some, :, k.shape[-1]] = 1
            yield

    def advance_rows(self, layer: Layer, tile: slice) -> Iterator[None]:
        """Take rows i in the tile through a layer, in short steps."""
        x = self.room.load(self.rows, tile)
        heads, width = self.keys.shape[0], self.keys.shape[-1]
        count, n = x.shape[:2]
        queries = self.buffers.take("queries", (heads, count, n, width), self.keys.dtype)
        for some in self.parts(tile):
            at = slice(some.start - tile.start, some.stop - tile.start)
            (q,) = layer.project(x[at], self._turn(some), self.buffers, "q")
            torch.mul(q, width**-0.5, out=queries[:, at])
            yield
        mixed = self.buffers.take("rows mixed", (count, n, heads, width), queries.dtype)
        for head in range(heads):
            for shifted in (False, True):
                low, high = self._attend_head(queries[head], head, tile, mixed[:, :, head], shifted)
                yield
                # Unshifted exponentials are faster, but may leave the range of numbers.
                if SMALLEST_SUM < low <= high < LARGEST_SUM:  # false, too, where a sum is NaN
                    break
        rows, mixed = x.flatten(0, 1), mixed.view(count * n, heads * width)
        for start in range(0, len(rows), self.sizes.rows):
            some = slice(start, start + self.sizes.rows)
            layer.mix(rows[some], mixed[some].to(layer.out.weight.dtype), self.buffers)
            yield
        self.room.store(self.rows, tile, x)

    def _attend_head(
        self, q: Tensor, head: int, tile: slice, mixed: Tensor, shifted: bool
    ) -> tuple[float, float]:
        """Attention of one head of the tile's rows, (rows, n, d_head), written to mixed.

        Returns the smallest and the largest sum of exponentials.
        """
        count, n, width = q.shape
        load, base = self.room.load, self.keys.shape[1] - 1
        keys, values = load(self.keys[head]), load(self.values[head])
        row_keys, row_values = load(self.row_keys[head]), load(self.row_values[head])
        own_values, partner_values = row_values[tile], row_values[:, tile]  # (i, j) and (j, i)
        # Laid out (j, i, token): one batched product for j, some strided ones for i.
        by_partner = q.transpose(0, 1)
        scores = self.buffers.take("scores", (n, count, keys.shape[1]), q.dtype)
        torch.bmm(by_partner, keys[:n].transpose(1, 2), out=scores)
        difference = (keys[tile] - keys[base]).transpose(1, 2)
        _add_products(scores.transpose(0, 1), q, difference)
        i = torch.arange(count, device=q.device)
        j = torch.arange(n, device=q.device)
        own, partner = self.tokens[tile], self.tokens
        scores[:, i, own] = (q * row_keys[tile]).sum(-1).t()
        scores[j, :, partner] = (by_partner * row_keys[:, tile]).sum(-1)
        if shifted:
            scores -= scores.amax(dim=-1, keepdim=True)
        scores.exp_()
        own_weight = scores[:, i, own]
        partner_weight = scores[j, :, partner]
        zero = scores.new_zeros(())  # a number of Python's would be copied there, and waited for
        scores[:, i, own] = zero
        scores[j, :, partner] = zero
        sums = self.buffers.take("sums", (n, count, width + 1), q.dtype)
        torch.bmm(scores, values[:n], out=sums)
        _add_products(sums.transpose(0, 1), scores.transpose(0, 1), values[tile] - values[base])
        sums.addcmul_(own_weight[..., None], own_values.transpose(0, 1))
        sums.addcmul_(partner_weight[..., None], partner_values)
        total = sums[..., width:]
        torch.div(sums[..., :width], total, out=mixed.transpose(0, 1))
        return _range_of(total)

    def _turn(self, tile: slice) -> Rotation | None:
        return None if self.rotation is None else self.rotation[self.tokens[tile]][:, None]


def _range_of(total: Tensor) -> tuple[float, float]:
    low, high = torch.stack(total.aminmax()).tolist()  # one wait for a GPU, not two
    return low, high


def _add_products(out: Tensor, a: Tensor, b: Tensor) -> None:
    """Add a @ b to out, batch by batch, where out has any strides."""
    if out.device.type == "cpu":  # no copies; each product is large enough
        for target, left, right in zip(out, a, b, strict=True):
            target.addmm_(left, right)
    else:
        out.baddbmm_(a, b)
