"""The texts of the training form: captions, and help on its fields."""

from __future__ import annotations

MODEL_HELP = (
    "**Model 1** keeps the most detail of a picture (a latent of 512×7×7 at 224 pixels). **Model 2** has a sixth block "
    "(1024×3×3). **Model 3** downsamples by strided convolutions instead of pooling. **Model 4** pools over "
    "overlapping windows (1024×2×2); it searched best in the original study."
)
LEARNS_CAPTIONS = [
    "A small network learns to recognise each picture cropped, flipped and recoloured (SimCLR, NT-Xent; VICReg).",
    "Pictures with one label come together, others move apart (SupCon, triplet loss).",
    "Models 1–4 reconstruct each picture and recognise views of it.",
    "Models 1–4 reconstruct each picture, as in the original study.",
    "Clusters the pictures by its own features and learns to predict the clusters, again in every epoch.",
]
LEARNS_HELP = (
    "A network that only reconstructs keeps what fills many pixels: colours and backgrounds. Measured on the drawn "
    "animal faces, all four models then search worse than untrained, however low their loss. Contrastive learning "
    "(SimCLR, with the NT-Xent loss) pulls altered views of the same picture together, so that the network keeps what "
    "stays the same: the subject. On the same pictures it searched far better. It needs no labels. *Learn from my "
    "pictures* does that alone, with a small network at a small size. Where colour or orientation matters, as in "
    "handwriting, try several and compare.\n\n"
    "*Learn from my labels* needs pictures with two labels at least. It brings together what has one label; a fifth of "
    "the pictures is held out, since only pictures that it has not seen tell what it is worth.\n\n"
    "DeepCluster reconstructs nothing: before every epoch the pictures are clustered by the network's current "
    "features, and it learns to predict the cluster from altered views. Models 1–4 and ready-made networks can use it."
)
LEARNER_HELP = (
    "The network to train. The small ResNet has 1.2 million weights and batch normalisation, and was measured with "
    "these settings. The others can learn this way, too, but take far longer and need a lower learning rate."
)
WORTH = (
    "What it learns from your pictures alone does not replace a ready-made network where pictures are photographs of "
    "everyday subjects: on 1,500 of cats, dogs and pandas EfficientNet-Lite0 has precision@8 .98, this .61, side by "
    "side with colours and textures .65, a colour histogram .56, the best plain autoencoder .52 (chance .33). Compare "
    "shows what it is worth on yours."
)
WORTH_LABELS = (
    "On 300 photographs of cats, dogs and pandas that it had not seen, ten epochs of learning from labels have "
    "precision@8 .64 (SupCon) and .60 (triplet), from pictures alone .57; EfficientNet-Lite0 has .98 on all 1,500."
)
SURROUNDINGS_HELP = (
    "Share of the views that keep a soft ellipse in the middle of their picture and take what surrounds it from "
    "another one, so that only the subject in the middle can be recognised. 0: every view shows its own picture alone."
)
NETWORK_HELP = (
    "The network to train. ResNet-18 is a good first choice: small, and stable thanks to batch normalisation. Models "
    "1–4 have none and need a lower learning rate, such as 0.0002."
)
START_HELP = (
    "Random weights, or those pretrained on ImageNet where they have been downloaded. Pretrained weights need a low "
    "learning rate, such as 0.00005, and few epochs."
)
CLUSTERS_HELP = (
    "Number of clusters that the pictures are divided into before every epoch. Use several times the number of "
    "subjects you expect: a few dozen for some hundred pictures. At most half the number of pictures."
)
FINE_TUNING_HELP = (
    "Settings for a network that already knows photographs: DeepCluster from pretrained weights, at a low learning "
    "rate and for few epochs. Its first weights remain if no epoch recognises altered pictures more often."
)
VIEWS_HELP = (
    "Side length of the altered views that are learned from. Smaller than the input size: quicker. Searches use the "
    "input size."
)
CROPS_HELP = (
    "Views of small parts at half the side, beside the two full ones (multi-crop). Each takes about an eighth of the "
    "time of the two."
)
OPTIMIZER_HELP = "How the weights follow the gradient. The recommended learning rates are those of AdamW."
MOMENTUM_HELP = "How much of the last step is taken again; 0: none."
WARMUP_HELP = "Epochs in which the learning rate rises from a hundredth to that of the schedule; 0: none."
CLIP_HELP = "Greatest norm of the gradient: a longer one is shortened to it. 0: any."
PRECISION_HELP = (
    "Of the network's products. bfloat16 is faster where the processor has it, and many times slower where it has not."
)
SEEDS_HELP = (
    "Number of trainings, each with the next seed, one after the other. One training tells about one seed, not about "
    "the settings."
)
