"""Each parser on made-up lines in its format; no real log is needed."""

import pytest

from tests.real_logs.table import judge
from tests.real_logs.truth import (
    FORMATS,
    Log,
    eighth,
    eleventh_loops,
    eleventh_more,
    facts_of,
    fifth_epochs,
    fifth_more,
    fifth_steps,
    fourth,
    ninth,
    second_epochs,
    second_steps,
    seventh,
    sixth,
    tenth,
    third,
    twelfth,
)

TWINS = [
    (
        "llm.c-side",
        "s:0 tel:9.5\ns:1 trl:9.25 lr:0.001 norm:1.50\ns:2 tel:9.125\n",
        {"step": [2, 1], "loss": 9.25, "val_loss": 9.125, "lr": 0.001, "grad_norm": 1.5},
    ),
    (
        "modded-nanogpt",
        "x = 'step:{step}/{n}'\nstep:7/8 train_loss:3.5 train_time:1ms\nstep:8/8 val_loss:3.25 train_time:1ms\n",
        {"step": 8, "loss": 3.5, "val_loss": 3.25},
    ),
    (
        "parameter-golf",
        "warmup_step:2/2\nstep:5/9 train_loss:2.5 t\nstep:6/9 val_loss:2.25 val_bpb:1.5 t\n"
        "final_int6 val_loss:2.75 val_bpb:1.75\n",
        {"step": 6, "loss": 2.5, "val_loss": [2.25, 2.75]},
    ),
    (
        "build-nanogpt",
        "validation loss: 3.5\nstep    41 | loss: 3.25 | lr 6.0e-05 | norm: 0.5 | dt: 1ms\n",
        {"step": 41, "loss": 3.25, "val_loss": 3.5, "lr": 6e-05, "grad_norm": 0.5},
    ),
    (
        "nanogpt",
        "step 10: train loss 2.0, val loss 2.5\niter 10: loss 2.25, time 3ms\n",
        {"step": 10, "loss": 2.25, "val_loss": 2.5},
    ),
    (
        "olmo",
        "x\t[step=3/9,epoch=0]\n  optim/total_grad_norm=0.5\n  train/CrossEntropyLoss=3.5\n  train/Perplexity=33.1\n",
        {"step": 3, "loss": 3.5, "grad_norm": 0.5},
    ),
    (
        "gluoncv-cifar",
        "INFO:root:[Epoch 4] train=0.9 val=0.8 loss=0.25 time: 5\n",
        {"epochs_done": 5, "loss": 0.25, "step": None},
    ),
    (
        "gluoncv-imagenet",
        "Epoch[1] Batch [49]\taccuracy=0.5\tlr=0.01\n[Epoch 1] validation: err-top1=0.25 err-top5=0.1\n",
        {"epochs_done": 2, "lr": 0.01, "loss": None},
    ),
    (
        "gluoncv-detection",
        "[Epoch 1] Training cost: 5, CrossEntropy=1.5, SmoothL1=0.5\n[Epoch 1] Validation:\ncat=0.5\nmAP=0.75\n",
        {"epochs_done": 2, "loss": None, "metrics": {"mAP|map": {"*": 0.75}}},
    ),
    (
        "gluoncv-pose",
        "Epoch[2] Batch [99]\tloss=0.5\tlr=0.01\theatmap_accuracy=0.9\nEpoch[2]\t\tSpeed: 8 samples/sec\tloss=0.25\n",
        {"epochs_done": 3, "loss": 0.25, "lr": 0.01},
    ),
    (
        "gluoncv-action",
        "Epoch[001] Batch [0003]/[0005]\taccuracy=50\tloss=0.9\tlr=0.1\n[Epoch 001] training: accuracy=51\tloss=0.5\n"
        "[Epoch 001] validation: acc-top1=60 acc-top5=90 loss=0.75\n",
        {"step": [9, 8, 10, None], "loss": 0.5, "val_loss": 0.75, "epochs_done": 2},
    ),
    (
        "gluonnlp-lm",
        "[Epoch 1 Batch 20/30] current loss 4.5, ppl 9\n[Epoch 1] time cost 5s, valid loss 4.25, valid ppl 8, "
        "lr 30.0\n",
        {"loss": 4.5, "val_loss": 4.25, "lr": 30.0, "epochs_done": 2},
    ),
    (
        "gluonnlp-bert",
        "x [Epoch 2 Batch 10/12] loss=0.5, lr=1e-05, metrics:accuracy:0.5,f1:0.6\nFinish training step: 24\n"
        "x:1 [Batch 4/4] loss=0.75, metrics:accuracy:0.7,f1:0.8\nx validation metrics:accuracy:0.75,f1:0.8\n",
        {"step": [22, 24, None], "loss": 0.5, "val_loss": [0.75, None], "epochs_done": [2, 1]},
    ),
    (
        "mxnet-module",
        "INFO:root:Epoch[3] Batch [50]\tTrain-accuracy=0.5\nINFO:root:Epoch[3] Validation-accuracy=0.75\n",
        {"epochs_done": 4, "loss": None, "metrics": {"accuracy": {"val": 0.75, "train": 0.5}}},
    ),
    (
        "mxnet-ssd",
        "[Epoch 3][Batch 50], Speed: 1, CrossEntropy=1e-2, SmoothL1=1e-3, val_AP=0.5\n",
        {"epochs_done": 3, "loss": None},
    ),
    (
        "caffe",
        "I1 x] Iteration 20, loss = 3.5\nI1 x]     Train net output #0: loss = 3.25 (* 1 = 3.25 loss)\n"
        "I1 x] Iteration 20, lr = 0.5\n"
        "I1 x] Iteration 40, Testing net (#0)\nI1 x]     Test net output #0: accuracy = 0.5\n"
        "I1 x]     Test net output #1: loss = 3.75 (x\n",
        {"step": [40, 20], "loss": [3.5, 3.25], "val_loss": [3.75, None], "lr": 0.5},
    ),
    (
        "detectron2",
        "[x] INFO:  eta: 1  iter: 19  total_loss: 1.5  loss_cls: 0.5  time: 1  lr: 0.01  max_mem: 1M\n",
        {"step": 19, "loss": 1.5, "lr": 0.01},
    ),
    (
        "torchvision-metric-logger",
        "Epoch: [1]  [4/5]  eta: 0  lr: 0.5  loss: 1.5 (1.75)  x\nAveraged stats: lr: 0.5  loss: 1.5 (1.75)\n"
        "Test:  [1/2]  eta: 0  loss: 2.5 (2.75)\n",
        {"step": [10, 9], "loss": [1.5, 1.75], "val_loss": [2.5, 2.75, None], "epochs_done": 2},
    ),
    (
        "deit-jsonl",
        '{"train_lr": 0.5, "train_loss": 1.5, "test_loss": 2.5, "test_acc1": 50.0, "epoch": 3}\n',
        {"loss": 1.5, "lr": 0.5, "val_loss": [2.5, None], "epochs_done": 4},
    ),
    (
        "swin",
        "x Train: [1/9][3/10]\teta 0 lr 0.5\t wd 0.1\ttime 1 (1)\tloss 1.5 (1.25)\tgrad_norm 2.5 (2.25)\tmem 1MB\n",
        {"step": [14, 13], "epochs_done": 1, "loss": [1.5, 1.25], "grad_norm": [2.5, 2.25], "lr": 0.5},
    ),
    (
        "yolo-results-txt",
        "   1/2   1G  0.1  0.2  0  0.3  5  640  1 1 1 1 0.1 0.2 0\n",
        {"epochs_done": 2, "loss": [0.3, None], "step": None},
    ),
    (
        "yolo-console",
        "   1/2   1G  0.1  0.2  0  0.3  5  640: 100%|##| 4/4 [00:01<00:00]\n   all   10   20   0.5   0.6   0.7   0.8\n",
        {"step": [8, None], "epochs_done": 2, "loss": 0.3},
    ),
    (
        "yolox",
        "x - epoch: 2/2, iter: 3/4, mem: 1Mb, total_loss: 1.5, iou_loss: 0.5, lr: 1e-03, size: 64\n",
        {"step": 7, "loss": 1.5, "lr": 0.001, "epochs_done": [1]},
    ),
    (
        "mmcv",
        "x - INFO - Epoch [2][5/10]\tlr_a: 1.0e-04 lr_b: 2.0e-04, eta: 1 day, a_loss: 9.0, loss: 1.5\n",
        {"step": 15, "loss": 1.5, "lr": [0.0001, 0.0002, None], "epochs_done": 1},
    ),
    (
        "mmengine",
        "x - INFO - Epoch(train) [2][5/10]  lr: 1e-3  eta: 1  loss: 1.5\nx Epoch(val) [2][1/1]    "
        "accuracy/top1: 50.0  x\n",
        {"step": 15, "loss": 1.5, "lr": 0.001, "epochs_done": 1},
    ),
    (
        "nnunet-v2",
        "t: Epoch 1 \nt: Current learning rate: 0.01 \nt: train_loss -0.5 \nt: val_loss -0.25 \n",
        {"epochs_done": 2, "loss": -0.5, "val_loss": -0.25, "lr": 0.01},
    ),
    (
        "torch-json-stats",
        'json_stats: {"epoch":3,"max_epoch":9,"loss":0.5,"learningRate":0.1,"test_acc":90.5}\n',
        {"epochs_done": 3, "loss": 0.5, "lr": 0.1},
    ),
    (
        "pointnet-cls",
        "Epoch 2 (2/9):\nTrain Instance Accuracy: 0.5\nTest Instance Accuracy: 0.75, Class Accuracy: 0.7\n"
        "Epoch 3 (3/9):\n",
        {"epochs_done": 2, "loss": None},
    ),
    (
        "pointnet-partseg",
        "Learning rate:0.01\nTrain accuracy is: 0.5\nEpoch 2 test Accuracy: 0.75  Class avg mIOU: 0.7\n",
        {"epochs_done": 2, "lr": 0.01},
    ),
    (
        "pointnet-semseg",
        "**** Epoch 2 (4/9) ****\nLearning rate:0.01\nTraining mean loss: 0.5\neval mean loss: 1.5\n"
        "Eval mean loss: 1.5\n"
        "**** Epoch 3 (5/9) ****\n",
        {"epochs_done": [2, 4], "loss": 0.5, "val_loss": 1.5, "lr": 0.01},
    ),
    ("dgcnn", "Train 3, loss: 1.5, train acc: 0.5, train avg acc: 0.4\n", {"epochs_done": [4, None], "loss": 1.5}),
    (
        "basicsr",
        "x [epoch:  2, iter:   1,200, lr:(1.5e-04,)] l_pix: 5.0e-03 \n",
        {"epochs_done": 2, "step": 1200, "lr": 0.00015},
    ),
    (
        "cyclegan",
        "(epoch: 2, iters: 100, time: 1) D_A: 0.5 G_A: 0.25\n",
        {"epochs_done": [1, None], "loss": None, "step": None},
    ),
    (
        "reid-baseline",
        "x Epoch[2] Iteration[5/10] Loss: 0.5, Acc: 0.75, Base Lr: 1.0e-03\nx Epoch 2 done. Time\n",
        {"step": [15, 20], "loss": 0.5, "lr": 0.001, "epochs_done": 2},
    ),
    (
        "st-gcn",
        "Training epoch: 0\n\tIter 0 Done. | loss: 1.5 | lr: 0.01\n\tmean_loss: 1.25\nTraining epoch: 1\n",
        {"epochs_done": [1, None], "loss": 1.25, "lr": 0.01},
    ),
    (
        "imagenet-example",
        "Epoch: [1][4/5]\tTime 1 (1)\tLoss 1.5 (1.75)\tEPE 1 (1)\n",
        {"step": [10, 9], "loss": [1.5, 1.75]},
    ),
    ("mnist-example", "Train Epoch: 2 [50/100 (50%)]\tLoss: 1.5\n", {"epochs_done": 1, "loss": 1.5, "step": None}),
    (
        "ssd-pytorch",
        "iter 10 || Loss: 1.5 || timer: 1 sec.\niter 20 || Loss: 1.25 ||",
        {"step": [20, 10], "loss": [1.25, 1.5]},
    ),
    (
        "dsfd",
        "test epoch:1 || Loss:2.5\nepoch:2 || iter:30 || Loss:1.5\n->>lr:0.01\n",
        {"epochs_done": 2, "step": 30, "loss": 1.5, "lr": 0.01, "val_loss": [2.5, None]},
    ),
    (
        "pytorch-yolov3",
        "[Epoch 0/3, Batch 4/9] [Losses: x 0.5, cls 0.25, total 1.5, recall: 0.1]\n",
        {"step": [5, 4], "loss": 1.5},
    ),
    (
        "mindspore",
        "epoch: 2 step: 10, loss is 1.5\nepoch: 2 acc: 0.5, best acc is 0.75\n",
        {"epochs_done": 2, "step": [20, None], "loss": 1.5},
    ),
    (
        "paddlegan",
        "Iter: 20/100 lr: 1e-3 loss_pixel: 1.5 x\nMetric psnr: inf\n",
        {"step": 20, "loss": [1.5, None], "lr": 0.001},
    ),
    (
        "paddle-hapi",
        "Epoch 2/3\nstep 614/614 - loss: 0.5 - A: 1\nEval begin...\nstep 88/88 - loss: 0.75 - A: 1\n",
        {"step": [1228, None], "loss": 0.5, "val_loss": 0.75, "epochs_done": 2},
    ),
    (
        "paddlevideo",
        "epoch:[  2/3 ] train step:100  loss: 2.5 lr: 0.01 top1: 0\nEND epoch:2   train loss_avg: 1.5  top1_avg: 0.5\n"
        "END epoch:2  val loss_avg: 1.75 top1_avg: 0.25\n",
        {"epochs_done": 2, "loss": 1.5, "val_loss": 1.75, "lr": 0.01, "step": None},
    ),
    (
        "paddlevit",
        "Now training epoch 2. LR=0.01\nEpoch[002/003], Step[0005/0010], Avg Loss: 2.5, Avg Acc: 0\n"
        "----- Epoch[002/003], Train Loss: 1.5, Train Acc: 0.5, time: 1\n",
        {"step": [16, 15, 20, None], "loss": 1.5, "lr": 0.01, "epochs_done": 2},
    ),
    (
        "paddlerec",
        "epoch: 1 done, AUC: 0.5,ACC: 0.6,loss:0.25, epoch time: 1 s\nepoch: 1 done, AUC: 0.5,ACC: 0.6, epoch time\n",
        {"epochs_done": 2, "loss": 0.25},
    ),
    (
        "own-epoch-step",
        "Starting epoch 1 current lr is 0.01\nEpoch 1, Step 25, total 1 (s), avg loss so far is 0.5\n"
        "Epoch 1, val loss is 0.75, val mse is 0.25.\n",
        {"epochs_done": 2, "loss": 0.5, "val_loss": 0.75, "lr": 0.01},
    ),
    (
        "speechbrain",
        "epoch: 2, lr: 1.0e-03, steps: 40, optimizer: A - train loss: 1.5 - valid loss: 1.75, valid ACC: 5.0e-01\n"
        "Epoch loaded: 2 - test loss: 9.0\n",
        {"epochs_done": 2, "step": 40, "loss": 1.5, "val_loss": 1.75, "lr": 0.001},
    ),
    (
        "kaldi-nnet1",
        "ITERATION 02: TRAIN AVG.LOSS 1.5, (lrate0.008), CROSSVAL AVG.LOSS 1.75, nnet accepted\n",
        {"loss": 1.5, "val_loss": 1.75, "lr": [0.008, None]},
    ),
    (
        "opennmt-py",
        "x Step 50/100; acc:  50.5; ppl:  1.5; xent: 0.25; lr: 1.0; 1/1 tok/s\nx Validation accuracy: 60.5\n",
        {"step": 50, "loss": [0.25, None], "lr": 1.0, "val_loss": None},
    ),
    (
        "flair",
        "x epoch 2 - iter 8/10 - loss 1.5 - x\nx EPOCH 2 done: loss 1.25 - lr 0.1\nx DEV : loss 1.75 - score 0.5\n",
        {"epochs_done": 2, "loss": 1.25, "lr": 0.1, "val_loss": 1.75, "step": [18, 19, 20, None]},
    ),
    (
        "hf-trainer",
        "{'loss': 1.5, 'grad_norm': 0.5, 'learning_rate': 1e-05, 'epoch': 0.5}\n100%|##| 8/8 [00:01<00:00,  9.0it/s]\n"
        "{'eval_loss': 1.75, 'epoch': 1.0}\n{'train_runtime': 1.0, 'train_loss': 9.0, 'epoch': 1.0}\n",
        {"step": 8, "loss": 1.5, "grad_norm": 0.5, "lr": 1e-05, "val_loss": 1.75, "epochs_done": [1]},
    ),
    (
        "deepspeed-chat-sft",
        "x step=10, skipped=1, lr=[1e-05, 1e-05], mom=[x]\n***** Evaluating perplexity, Epoch 1/2 *****\nppl: 2.5\n",
        {"step": 10, "lr": 1e-05, "epochs_done": 1, "loss": None},
    ),
    (
        "deepspeed-chat-reward",
        "x step=10, skipped=1, lr=[1e-05], mom=[x]\nEpoch 1/1 with loss 0.5\n",
        {"step": 10, "lr": 1e-05, "epochs_done": 1, "loss": 0.5},
    ),
    (
        "deepspeed-chat-rlhf",
        "x step=10, skipped=0, lr=[1e-05], m\nx step=10, skipped=0, lr=[2e-05], m\n"
        "epoch: 0|step: 11|ppo_ep: 1|act_loss: 0.5|cri_loss: 0.25|unsuper_loss: 0.0\naverage reward score: 4.5\n",
        {"step": [11, 12, 10], "lr": [1e-05, 2e-05], "loss": [0.5, 0.25, None]},
    ),
    (
        "deepspeed-own-loop",
        "x step=4, skipped=0, lr=[1e-05], m\n[Step 4/10] Loss: 1.5 | x\n",
        {"step": 4, "loss": 1.5, "lr": 1e-05},
    ),
    (
        "xgboost",
        "[9]\ttrain-rmse:1.5\tvalidation-rmse:1.75\n",
        {"step": 9, "metrics": {"rmse": {"train": 1.5, "val": 1.75}}},
    ),
    (
        "keras-verbose2",
        "Epoch 1/5\n3/3 - 0s - loss: 1.5 - acc: 0.5 - val_loss: 1.75 - val_acc: 0.25\nEpoch 2/5\n",
        {"epochs_done": 1, "loss": 1.5, "val_loss": 1.75, "step": [3, None]},
    ),
    (
        "stable-baselines3",
        "|    ep_rew_mean     | 5.5      |\n|    iterations      | 2        |\n|    total_timesteps | 4096     |\n"
        "|    learning_rate   | 0.0003   |\n|    loss            | 0.5      |\n|    n_updates       | 10       |\n",
        {"step": [4096, 2, 10], "loss": 0.5, "lr": 0.0003},
    ),
    (
        "mappo",
        "updates 5/10 episodes, total num timesteps 50/100, FPS 4.\n  average reward: -2.5\n",
        {"step": [50, 5], "loss": None},
    ),
    (
        "own-epoch-line",
        "Epoch 0 Train Loss: 2.5\nEpoch 1 Train Loss: 1.5\nEpoch: 1 Val Acc: 0.5\n",
        {"epochs_done": 2, "loss": 1.5},
    ),
    (
        "own-epoch-block",
        "Epoch 1/3\nTrain Loss: 1.5, Train Acc: 40%\nVal Loss: 1.75, Val Acc: 50%\nEpoch 2/3\n",
        {"epochs_done": 1, "loss": 1.5, "val_loss": 1.75, "metrics": {"acc|accuracy": {"val": [50, 0.5]}}},
    ),
    ("own-step-line", "x Step 7 loss: 1.5 token_entropy: 1\nx Step 7 eval_acc: 0.5\n", {"step": 7, "loss": 1.5}),
    (
        "own-avg-loss",
        "[step 50] avg_loss=-0.5 acc=0.25\n==end-of-epoch 1==\n",
        {"step": 50, "loss": -0.5, "epochs_done": 1},
    ),
    (
        "own-ner",
        "x iteration:2 step:8/100, NER loss: 1.5\n",
        {"step": [108, None], "loss": 1.5, "epochs_done": [1, None]},
    ),
    ("own-epoch-pair", "Epoch: 1| train loss: 1.5\nEpoch 1: Val acc is 50.0%\n", {"epochs_done": 1, "loss": 1.5}),
    ("own-tf-step", "current step: 4th step\nbatch loss:1.5\ncurrent step: 5th step\n", {"step": [5, 4], "loss": 1.5}),
    (
        "own-bar-fields",
        "step 100 | phase 2 | loss_G -1.5 | sep 1 | lr 1.0e-05 | x\nValidation loss: 0.5 | x\n",
        {"step": 100, "loss": [-1.5, None], "lr": 1e-05, "val_loss": 0.5},
    ),
    ("own-percent-place", "x - [50.00%] batch_index=64 loss=1.5\n", {"step": [64, None], "loss": 1.5}),
    (
        "mugs",
        "INFO:1-epoch (4/10): total loss 1.5, a: 1,, lr 1.0e-05, wd 4\n",
        {"step": [14, 15], "loss": 1.5, "lr": 1e-05},
    ),
    (
        "own-valid-each",
        "epoch : 0 [4/10] Train loss: 1.5,Valid loss: 1.75, time : 1 lr : 0.5\n",
        {"step": [4, 5], "loss": 1.5, "val_loss": 1.75, "lr": 0.5},
    ),
    (
        "own-epoch-batch",
        "x Epoch 2 - Batch loss: 9\nx Epoch 2 - Average Train Loss: 1.5\n",
        {"epochs_done": 2, "loss": 1.5},
    ),
    (
        "own-epoch-total",
        "lr, 0.5\nepoch=1/9,total_loss=1.5, 1 epoch time=1\n",
        {"epochs_done": 2, "loss": 1.5, "lr": 0.5},
    ),
    (
        "own-table-line",
        "batch loss | 1.5 |     10 | 2.0\nepoch loss | 1.25 |     10 | 2.0\n",
        {"step": 10, "loss": [1.25, 1.5]},
    ),
    (
        "own-global-step",
        "Global Step:   10, accuracy:  50.0%, loss = 1.5 (x)\nAccuracy on Test-Set: 40.0% (4 / 10)\n",
        {"step": 10, "loss": 1.5},
    ),
    ("own-epoch-bracket", "  [seed=7 epoch 02] loss=1.5 acc=0.5 f1=0.25\n", {"loss": 1.5, "epochs_done": "any"}),
    (
        "keras-bar",
        "Epoch 1/5\n1/3 [=>...] - ETA: 1s - loss: 9.0\n3/3 [====] - 1s 2ms/step - loss: 1.5 - acc: 0.5 - "
        "val_loss: 1.75 - val_acc: 0.25\nEpoch 2/5\n",
        {"epochs_done": 1, "loss": 1.5, "val_loss": 1.75, "step": [3, None]},
    ),
    ("lightgbm-callback", "Iteration: 7, validation AUC: 0.75\n", {"step": 7, "loss": None}),
    (
        "lerobot",
        "INFO x.py:1 step:12K smpl:1M ep:5 epch:2.50 loss:0.5 grdn:1.5 lr:1.0e-05 updt_s:1\n",
        {"step": 12000, "loss": 0.5, "lr": 1e-05, "epochs_done": [2, None]},
    ),
    (
        "minimind",
        "Epoch:[2/3](5/10), loss: 1.5, aux_loss: 0.0, lr: 0.001, epoch_time: 1min\n",
        {"step": 15, "loss": 1.5, "lr": 0.001, "epochs_done": 1},
    ),
    (
        "minimind-grpo",
        "Epoch:[1/1](5/5), Reward: -1.5, KL_ref: 0.1, Adv Std: 1, Actor Loss: 0.5, Learning Rate: 0.001\n",
        {"step": 5, "lr": 0.001, "epochs_done": 1, "loss": [0.5, None]},
    ),
    ("own-csv", "epoch,loss,ppl,accuracy\n0, 2.5, 12.0,50.0\n1, 1.5, 4.5,60.0\n", {"epochs_done": 2, "loss": 1.5}),
    (
        "own-iter-line",
        "x Epoch: 2, \t Iter: 5/10, \t Loss: 1.5, \t Acc: 50.0 , \t lr: 0.001\nx Epoch: 2, \t Valid, Loss: 1.75, "
        "\t Acc: 40.0 , \n",
        {"step": [15, 20], "loss": 1.5, "val_loss": [1.75], "epochs_done": 2, "lr": 0.001},
    ),
    (
        "tf-speech-commands",
        "x Step #7: rate 0.001, accuracy 50.00%, cross entropy 1.5\nx Step 7: Validation accuracy = 40.00% (N=1)\n",
        {"step": 7, "loss": [1.5, None], "metrics": {"accuracy": {"val": [40.0, 0.4]}}},
    ),
    (
        "ultralytics",
        "      2/5      1.5G     0.5     0.25     0.75    47   640: 50% ━━━ 2/4 1.5s/it 1s\n",
        {"step": [6, None], "epochs_done": 1, "loss": None},
    ),
    (
        "pytorch-cifar",
        "Epoch: 1\n [=== 4/4 ===>]  Step: 1ms | Loss: 1.5 | Acc: 50.0% (1/2)\n [=== 2/2 ===>]  Step: 1ms | Loss: 1.75 "
        "| Acc: 40.0% (1/2)\n",
        {"epochs_done": 2, "loss": [1.5, None], "val_loss": [1.75, None], "step": [8, None]},
    ),
]


@pytest.mark.parametrize(("name", "text", "expected"), TWINS, ids=[name for name, _, _ in TWINS])
def test_a_parser_says_what_its_format_says(name, text, expected):
    facts = facts_of(name, Log(text))
    assert expected == {key: facts[key] for key in expected}


def test_every_format_has_its_twin():
    # The parsers of the later lists were written from the logs themselves and have no twins yet.
    first = (second_epochs, second_steps, third, fourth)
    modules = (*first, fifth_epochs, fifth_steps, fifth_more, sixth, seventh, eighth, ninth, tenth)
    modules += (eleventh_loops, eleventh_more, twelfth)
    later = {name for module in modules for name in module.FORMATS}
    assert sorted(set(FORMATS) - later) == sorted(name for name, _, _ in TWINS)


TRUTH = {
    "step": 10, "loss": [1.5, 1.25], "val_loss": None, "lr": "any", "grad_norm": "nan", "epochs_done": [None, 0],
    "metrics": {"acc|accuracy": {"val": 0.5}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"step": 10, "loss": 1.25, "grad_norm": "nan", "metrics": {"accuracy": {"val": 0.5}}}, ([], [])),
        ({"step": 10, "loss": 1.25, "grad_norm": "nan"}, ([], ["acc.val (it is 0.5)"])),
        (
            {"step": 11, "loss": 1.25, "grad_norm": "nan", "metrics": {"acc": {"val": 0.5}}},
            (["step 11 instead of 10"], []),
        ),
        (
            {"step": 10, "loss": 1.5, "val_loss": 2, "grad_norm": "nan", "metrics": {"acc": {"val": 0.5}}},
            (["val_loss 2 instead of none"], []),
        ),
        (
            {"step": 10, "loss": 1.5, "grad_norm": "nan", "metrics": {"acc": {"train": 0.75, "val": 0.25}}},
            (["acc.val 0.25 instead of 0.5"], []),
        ),
    ],
)
def test_a_log_is_judged_by_each_fact(facts, expected):
    assert expected == judge(facts, TRUTH)
