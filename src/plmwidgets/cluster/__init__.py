"""A model that several notebooks and machines share: held elsewhere, asked like a local one.

    RemoteMaskedLM, RemoteService  →  link  →  [ FairQueue  →  Worker, Worker, ... ]

A *worker* holds a model where the work is done. A *link* is how a notebook reaches some: through
Ray (`ray_link`), where a dispatcher holds the queue for all notebooks, or through any executor of
the kind of ``concurrent.futures`` (`executor`), where the queue is the notebook's own.
"""
